//go:build cgo

#include "native.h"

#include <libavutil/opt.h>
#include <stdio.h>

void bg_count(int64_t n);
void bg_begin(void);
void bg_explain(char *text, int code);

static int set(AVCodecContext *c, const char *key, const char *value)
{
	return value ? av_opt_set(c->priv_data, key, value, 0) : 0;
}

static int open_encoder(bg_encoder *e, const AVCodec *codec, const bg_encoder_options *o)
{
	AVCodecContext *c = e->ctx;
	c->width = o->width;
	c->height = o->height;
	c->pix_fmt = o->bits == 10 ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
	c->color_range = o->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	c->colorspace = o->matrix;
	c->time_base = (AVRational){1, o->fps};
	c->framerate = (AVRational){o->fps, 1};
	c->gop_size = o->gop;
	c->max_b_frames = o->bframes;
	c->thread_count = 1; // the same input gives the same bytes
	if (o->slices > 0)
		c->slices = o->slices;
	int code = set(c, "preset", o->preset);
	if (code >= 0)
		code = set(c, "tune", o->tune);
	if (code >= 0)
		code = set(c, "crf", o->crf);
	if (code >= 0)
		code = set(c, o->codec_id == AV_CODEC_ID_HEVC ? "x265-params" : "x264-params", o->params);
	if (code >= 0)
		code = avcodec_open2(c, codec, NULL);
	if (code < 0)
		return code;
	e->frame->format = c->pix_fmt;
	e->frame->width = c->width;
	e->frame->height = c->height;
	return av_frame_get_buffer(e->frame, 0);
}

// bg_encoder_new opens an encoder; on failure it gives NULL and the reason in text.
bg_encoder *bg_encoder_new(const bg_encoder_options *o, char *text)
{
	bg_begin();
	const AVCodec *codec = avcodec_find_encoder_by_name(o->name);
	bg_encoder *e = codec ? av_mallocz(sizeof *e) : NULL;
	if (!e) {
		snprintf(text, BG_TEXT, "this libavcodec has no encoder %s", o->name);
		return NULL;
	}
	e->ctx = avcodec_alloc_context3(codec);
	e->frame = av_frame_alloc();
	e->packet = av_packet_alloc();
	bg_count(4);
	int code = e->ctx && e->frame && e->packet ? open_encoder(e, codec, o) : AVERROR(ENOMEM);
	if (code < 0) {
		bg_explain(text, code);
		bg_encoder_free(e);
		return NULL;
	}
	return e;
}

void bg_encoder_free(bg_encoder *e)
{
	av_packet_free(&e->packet);
	av_frame_free(&e->frame);
	avcodec_free_context(&e->ctx);
	av_free(e);
	bg_count(-4);
}

// bg_encoder_writable makes the encoder's picture ready to be filled.
int bg_encoder_writable(bg_encoder *e)
{
	return av_frame_make_writable(e->frame) < 0 ? BG_NO_MEMORY : BG_OK;
}

// bg_encoder_send encodes the filled picture, or begins draining.
int bg_encoder_send(bg_encoder *e, int64_t index, int drain)
{
	bg_begin();
	e->frame->pts = index;
	int code = avcodec_send_frame(e->ctx, drain ? NULL : e->frame);
	if (code >= 0 || code == AVERROR_EOF)
		return BG_OK;
	bg_explain(e->text, code);
	return BG_FAILED;
}

// bg_encoder_receive puts the next coded picture into e->packet.
int bg_encoder_receive(bg_encoder *e)
{
	bg_begin();
	av_packet_unref(e->packet);
	int code = avcodec_receive_packet(e->ctx, e->packet);
	if (code >= 0)
		return BG_OK;
	if (code == AVERROR(EAGAIN))
		return BG_NEED_MORE;
	if (code == AVERROR_EOF)
		return BG_END;
	bg_explain(e->text, code);
	return BG_FAILED;
}

//go:build cgo

#include "native.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// Contexts, frames, packets and buffers that this folder holds.
static _Atomic int64_t live;

int64_t bg_live(void) { return atomic_load(&live); }

static void count(int64_t n) { atomic_fetch_add(&live, n); }

void bg_count(int64_t n) { count(n); }

// The first complaint of libavcodec since the last call of ours on this thread. Decoders run
// with one thread, so a complaint is made on the thread that called us.
static _Thread_local char complaint[BG_TEXT];

static void on_log(void *ptr, int level, const char *form, va_list args)
{
	if (level > AV_LOG_ERROR || complaint[0])
		return;
	vsnprintf(complaint, sizeof complaint, form, args);
	complaint[strcspn(complaint, "\r\n")] = 0;
}

// bg_quiet keeps libavcodec from writing to standard error; complaints go into errors.
void bg_quiet(void) { av_log_set_callback(on_log); }

void bg_begin(void) { complaint[0] = 0; }

// bg_explain writes what the code means and what libavcodec said about it.
void bg_explain(char *text, int code)
{
	char name[AV_ERROR_MAX_STRING_SIZE] = "";
	av_strerror(code, name, sizeof name);
	if (complaint[0])
		snprintf(text, BG_TEXT, "%.60s (%.90s)", name, complaint);
	else
		snprintf(text, BG_TEXT, "%s", name);
}

bg_decoder *bg_decoder_new(int codec_id, int64_t max_pixels)
{
	const AVCodec *codec = avcodec_find_decoder(codec_id);
	bg_decoder *d = codec ? av_mallocz(sizeof *d) : NULL;
	if (!d)
		return NULL;
	count(1);
	d->ctx = avcodec_alloc_context3(codec);
	if (d->ctx)
		count(1);
	d->packet = av_packet_alloc();
	if (d->packet)
		count(1);
	if (!d->ctx || !d->packet) {
		bg_decoder_free(d);
		return NULL;
	}
	d->ctx->thread_count = 1; // frame threads delay pictures; cameras are the parallelism
	d->ctx->max_pixels = max_pixels;
	if (avcodec_open2(d->ctx, codec, NULL) < 0) {
		bg_decoder_free(d);
		return NULL;
	}
	return d;
}

void bg_decoder_free(bg_decoder *d)
{
	if (d->packet) {
		av_packet_free(&d->packet);
		count(-1);
	}
	if (d->ctx) {
		avcodec_free_context(&d->ctx);
		count(-1);
	}
	if (d->in) {
		av_buffer_unref(&d->in);
		count(-1);
	}
	av_free(d);
	count(-1);
}

// bg_trim gives the system back what the C library keeps of memory that was freed. Cameras come and go
// for months, each decoder's pictures in between what lives on; without it the heaps grow
// with each time.
void bg_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

// bg_decoder_room gives memory for one unit of so many bytes; the padding behind it that
// libavcodec may read is zeroed by bg_decoder_send. A buffer is used again unless libavcodec
// still holds it.
uint8_t *bg_decoder_room(bg_decoder *d, int64_t bytes)
{
	size_t want = (size_t)bytes + AV_INPUT_BUFFER_PADDING_SIZE;
	if (d->in && d->in->size >= want && av_buffer_is_writable(d->in))
		return d->in->data;
	if (d->in) {
		av_buffer_unref(&d->in);
		count(-1);
	}
	d->in = av_buffer_alloc(want + want / 2);
	if (!d->in)
		return NULL;
	count(1);
	return d->in->data;
}

static int outcome(bg_decoder *d, int code)
{
	if (code >= 0)
		return BG_OK;
	bg_explain(d->text, code);
	if (code == AVERROR(ENOMEM))
		return BG_NO_MEMORY;
	return BG_FAILED;
}

// bg_decoder_send decodes the unit that lies in the room. With no bytes it begins draining.
// The packet carries the index as its time stamp: libavcodec hands it on to the picture.
int bg_decoder_send(bg_decoder *d, int64_t bytes, int64_t index, int key)
{
	AVPacket *p = d->packet;
	bg_begin();
	if (bytes == 0)
		return outcome(d, avcodec_send_packet(d->ctx, NULL));
	memset(d->in->data + bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	p->buf = av_buffer_ref(d->in);
	if (!p->buf)
		return BG_NO_MEMORY;
	p->data = d->in->data;
	p->size = (int)bytes;
	p->pts = p->dts = index;
	p->flags = key ? AV_PKT_FLAG_KEY : 0;
	int code = avcodec_send_packet(d->ctx, p);
	av_packet_unref(p);
	if (code == AVERROR(EAGAIN))
		return BG_FULL;
	return outcome(d, code);
}

// readable says how many bytes of plane i may be read, at most stride x rows.
static int64_t readable(const AVFrame *f, int i, int rows)
{
	int64_t want = (int64_t)f->linesize[i] * rows;
	AVBufferRef *b = av_frame_get_plane_buffer((AVFrame *)f, i);
	if (!b || f->data[i] < b->data)
		return 0;
	int64_t have = (int64_t)b->size - (f->data[i] - b->data);
	return have < want ? have : want;
}

static int format_of(const AVFrame *f)
{
	switch (f->format) {
	case AV_PIX_FMT_YUV420P:
	case AV_PIX_FMT_YUVJ420P:
		return BG_FORMAT_I420;
	case AV_PIX_FMT_NV12:
		return BG_FORMAT_NV12;
	}
	return BG_FORMAT_OTHER;
}

static void describe(bg_decoder *d, const AVFrame *f)
{
	bg_picture *p = &d->picture;
	memset(p, 0, sizeof *p);
	p->format = format_of(f);
	p->width = f->width;
	p->height = f->height;
	p->index = f->pts;
	p->full_range = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P;
	p->matrix = f->colorspace;
	p->sar_w = f->sample_aspect_ratio.num;
	p->sar_h = f->sample_aspect_ratio.den;
	p->damaged = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags;
	int planes = p->format == BG_FORMAT_I420 ? 3 : 2;
	for (int i = 0; p->format != BG_FORMAT_OTHER && i < planes; i++) {
		int rows = i ? (f->height + 1) / 2 : f->height;
		p->data[i] = f->data[i];
		p->stride[i] = f->linesize[i];
		p->bytes[i] = f->linesize[i] > 0 ? readable(f, i, rows) : 0;
		if (p->bytes[i] <= 0)
			p->format = BG_FORMAT_OTHER;
	}
	if (p->format == BG_FORMAT_OTHER) {
		const char *name = av_get_pix_fmt_name(f->format);
		snprintf(d->text, BG_TEXT, "%s", name ? name : "unknown");
	}
}

// bg_decoder_receive moves the next picture into an empty frame and describes it in d->picture.
int bg_decoder_receive(bg_decoder *d, AVFrame *into)
{
	bg_begin();
	int code = avcodec_receive_frame(d->ctx, into);
	if (code == AVERROR(EAGAIN))
		return BG_NEED_MORE;
	if (code == AVERROR_EOF)
		return BG_END;
	if (code < 0)
		return outcome(d, code);
	describe(d, into);
	return BG_OK;
}

AVFrame *bg_frame_new(void)
{
	AVFrame *f = av_frame_alloc();
	if (f)
		count(1);
	return f;
}

void bg_frame_unref(AVFrame *f) { av_frame_unref(f); }

void bg_frame_free(AVFrame *f)
{
	av_frame_free(&f);
	count(-1);
}

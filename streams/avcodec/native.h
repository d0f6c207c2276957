// What the Go side of this folder calls. One bg_decoder or bg_encoder is used by one thread at
// a time; bg_frame_* may be called from any thread.
#ifndef BONGSU_AVCODEC_NATIVE_H
#define BONGSU_AVCODEC_NATIVE_H

#include <libavcodec/avcodec.h>
#include <stdint.h>

enum { BG_OK = 0, BG_NEED_MORE = 1, BG_END = 2, BG_FAILED = 3, BG_FULL = 4, BG_NO_MEMORY = 5 };
enum { BG_FORMAT_OTHER = 0, BG_FORMAT_I420 = 1, BG_FORMAT_NV12 = 2 };
enum { BG_TEXT = 160 };

// bg_picture describes the picture that bg_decoder_receive put into an AVFrame.
typedef struct bg_picture {
	uint8_t *data[3];
	int64_t bytes[3]; // readable from data on, at most stride x rows
	int stride[3];
	int width, height;
	int format; // BG_FORMAT_*
	int full_range, matrix, sar_w, sar_h;
	int damaged;   // libavcodec says that the picture is damaged
	int64_t index; // what bg_decoder_send was given with the unit
} bg_picture;

// bg_decoder is one libavcodec decoder with its input buffer.
typedef struct bg_decoder {
	AVCodecContext *ctx;
	AVPacket *packet;
	AVBufferRef *in;
	bg_picture picture;
	char text[BG_TEXT]; // what went wrong in the last call, or which pixel format it is
} bg_decoder;

// bg_encoder is one libavcodec encoder with its picture and packet.
typedef struct bg_encoder {
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
	char text[BG_TEXT];
} bg_encoder;

// bg_encoder_options are the settings of an encoder; strings are C strings or NULL.
typedef struct bg_encoder_options {
	int codec_id, width, height, fps, gop, bframes, full_range, matrix, slices, bits;
	const char *name, *preset, *tune, *crf, *params;
} bg_encoder_options;

int64_t bg_live(void);
void bg_quiet(void);

bg_decoder *bg_decoder_new(int codec_id, int64_t max_pixels);
void bg_decoder_free(bg_decoder *d);
void bg_trim(void);
uint8_t *bg_decoder_room(bg_decoder *d, int64_t bytes);
int bg_decoder_send(bg_decoder *d, int64_t bytes, int64_t index, int key);
int bg_decoder_receive(bg_decoder *d, AVFrame *into);

AVFrame *bg_frame_new(void);
void bg_frame_unref(AVFrame *f);
void bg_frame_free(AVFrame *f);

bg_encoder *bg_encoder_new(const bg_encoder_options *o, char *text);
void bg_encoder_free(bg_encoder *e);
int bg_encoder_writable(bg_encoder *e);
int bg_encoder_send(bg_encoder *e, int64_t index, int drain);
int bg_encoder_receive(bg_encoder *e);

#endif

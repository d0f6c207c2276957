/* Serves one file over RTSP with gst-rtsp-server, an implementation that is not ours.
 *
 *   gstserver FILE h264|h265 [USER PASSWORD [PEM]]
 *
 * USER - is no login. PEM holds a certificate and its key: RTSPS.
 *
 * Prints the port it was given, and ends when its standard input does. The path is /cam; each
 * client gets the file from its beginning. */
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>
#include <string.h>

static gboolean stdin_ended(GIOChannel *in, GIOCondition cond, gpointer loop) {
  char buf[64];
  gsize n;
  GIOStatus st = g_io_channel_read_chars(in, buf, sizeof buf, &n, NULL);
  if (st != G_IO_STATUS_EOF && st != G_IO_STATUS_ERROR)
    return TRUE;
  g_main_loop_quit(loop);
  return FALSE;
}

static void digest(GstRTSPAuth *auth, const char *user, const char *password) {
  gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
  GstRTSPToken *token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "user", NULL);
  gst_rtsp_auth_add_digest(auth, user, password, token);
  gst_rtsp_token_unref(token);
}

static void anybody(GstRTSPAuth *auth) {
  GstRTSPToken *token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "user", NULL);
  gst_rtsp_auth_set_default_token(auth, token);
  gst_rtsp_token_unref(token);
}

static int tls(GstRTSPAuth *auth, const char *pem) {
  GError *err = NULL;
  GTlsCertificate *cert = g_tls_certificate_new_from_file(pem, &err);
  if (cert == NULL) {
    fprintf(stderr, "gstserver: %s\n", err->message);
    return 0;
  }
  gst_rtsp_auth_set_tls_certificate(auth, cert);
  g_object_unref(cert);
  return 1;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 3 && argc != 5 && argc != 6) {
    fprintf(stderr, "usage: gstserver FILE h264|h265 [USER PASSWORD [PEM]]\n");
    return 2;
  }
  char *quoted = g_strescape(argv[1], NULL);
  char *launch = g_strdup_printf("( filesrc location=\"%s\" ! qtdemux ! %sparse ! rtp%spay config-interval=-1 name=pay0 pt=96 )", quoted, argv[2], argv[2]);
  GstRTSPServer *server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, "0");
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, launch);
  if (argc >= 5) {
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    if (strcmp(argv[3], "-") != 0)
      digest(auth, argv[3], argv[4]);
    else
      anybody(auth);
    if (argc == 6 && !tls(auth, argv[5]))
      return 1;
    gst_rtsp_server_set_auth(server, auth);
    g_object_unref(auth);
    gst_rtsp_media_factory_add_role(factory, "user", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                    GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, NULL);
  }
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/cam", factory);
  g_object_unref(mounts);
  if (gst_rtsp_server_attach(server, NULL) == 0) {
    fprintf(stderr, "gstserver: no port could be opened\n");
    return 1;
  }
  printf("%d\n", gst_rtsp_server_get_bound_port(server));
  fflush(stdout);
  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  GIOChannel *in = g_io_channel_unix_new(0);
  g_io_add_watch(in, G_IO_IN | G_IO_HUP | G_IO_ERR, stdin_ended, loop);
  g_main_loop_run(loop);
  return 0;
}

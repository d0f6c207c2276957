# bongsu-edge with its decoders and ONNX Runtime, not root. From the repository's root:
#   docker build -f deploy/docker/edge.Dockerfile -t bongsu-edge .
#   docker run -v /etc/bongsu:/etc/bongsu:ro -v bongsu-edge:/var/lib/bongsu-edge bongsu-edge
# Not run: this file has not been built on a Docker engine yet.
FROM node:22-bookworm AS build
COPY --from=golang:1.26-bookworm /usr/local/go /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH
WORKDIR /src
COPY . .
RUN bash deploy/deps/install.sh build \
 && go build -trimpath -ldflags '-s -w' -o /out/bongsu-edge ./edge/cmd/bongsu-edge \
 && install -D -m 0644 .deps/onnxruntime/libonnxruntime.so.1 /out/lib/libonnxruntime.so.1 \
 && mkdir -p /out/data

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libavcodec59 libswscale6 \
      libopencv-core406 libopencv-imgproc406 libopencv-imgcodecs406 libopencv-videoio406 libopencv-highgui406 \
      libopencv-calib3d406 libopencv-features2d406 libopencv-objdetect406 libopencv-dnn406 libopencv-video406 \
      libopencv-photo406 libopencv-flann406 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/bongsu-edge /usr/local/bin/bongsu-edge
COPY --from=build /out/lib /usr/local/bin/lib
COPY --from=build --chown=65532:65532 /out/data /var/lib/bongsu-edge
USER 65532:65532
VOLUME /var/lib/bongsu-edge
ENTRYPOINT ["bongsu-edge"]
CMD ["run", "--config", "/etc/bongsu/edge.yaml"]

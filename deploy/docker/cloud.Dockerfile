# bongsu-cloud: one static program, no shell, not root. From the repository's root:
#   make web && docker build -f deploy/docker/cloud.Dockerfile -t bongsu-cloud .
# Not run: this file has not been built on a Docker engine yet.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/bongsu-cloud ./cloud/cmd/bongsu-cloud \
 && mkdir -p /out/data && printf 'listen: 0.0.0.0:8080\ndata_dir: /data\nallow_http: true\n' > /out/cloud.yaml

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bongsu-cloud /bongsu-cloud
# Plain HTTP inside the container: a proxy with TLS stands in front of it (cloud.yaml says how to
# do without one).
COPY --from=build /out/cloud.yaml /etc/bongsu/cloud.yaml
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/bongsu-cloud"]
CMD ["serve", "--config", "/etc/bongsu/cloud.yaml"]

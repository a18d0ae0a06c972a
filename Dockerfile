# The image has Node of npm over Debian's C and C++ libraries, as runtime.lock.json names them by checksum. Nothing of BUILDER is in it: it
# only has to have Node 24 or newer, npm and apt. An amd64 builder makes the arm64 image, too.
ARG BUILDER=node:24-bookworm-slim
# Only its Go is used, for s5cmd and the start of the image: 1.26 or newer, in /usr/local/go.
ARG GO=golang:1.26-bookworm
FROM --platform=$BUILDPLATFORM ${GO} AS go
FROM --platform=$BUILDPLATFORM ${BUILDER} AS build
ARG TARGETARCH
# A Debian mirror, where those of BUILDER no longer have what the lock file names.
ARG DEBIAN_MIRROR
WORKDIR /build
RUN mkdir /image
COPY package.json package-lock.json .npmrc runtime.lock.json ./
COPY deploy/image ./deploy/image
COPY --from=go /usr/local/go /usr/local/go
ENV PATH=$PATH:/usr/local/go/bin
# npm ci installs the bundler; the install script of the node package would install another Node.
RUN node deploy/image/assemble.ts /image "$TARGETARCH" runtime s5cmd packages \
 && npm ci --ignore-scripts
COPY LICENSE ./
COPY src ./src
RUN node deploy/image/bundle.ts \
 && node deploy/image/assemble.ts /image "$TARGETARCH" start app

# No shell, no package manager, no root.
FROM scratch
COPY --from=build /image/runtime/ /
COPY --from=build /image/s5cmd/ /
COPY --from=build /image/packages/ /
COPY --from=build /image/start/ /
COPY --from=build /image/app/ /
USER 65532:65532
EXPOSE 8443 9090
# Starts Node without the variables that would run foreign code in it.
ENTRYPOINT ["/usr/local/bin/model-injector"]
CMD ["serve", "--tls-dir", "/tls"]

# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS pages
WORKDIR /ui
COPY internal/dashboard/ui/package.json internal/dashboard/ui/package-lock.json internal/dashboard/ui/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY internal/dashboard/ui ./
RUN npm run build

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=pages /ui/dist internal/dashboard/ui/dist
ARG VERSION
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -pgo=cmd/dedupgate/gateway.pgo -ldflags "-s -w -X main.version=$VERSION" -o /out/dedupgate ./cmd/dedupgate && mkdir /out/data

# No shell, no package manager; CA certificates, and a user that is not root.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/dedupgate /usr/local/bin/dedupgate
COPY LICENSE /usr/share/doc/dedupgate/LICENSE
# The embedded default keeps its database in ./data. In production the container keeps nothing.
COPY --from=build --chown=65532:65532 /out/data /data
VOLUME /data
USER 65532:65532
WORKDIR /
# Webhooks. The admin listener is for 127.0.0.1 unless DEDUPGATE_ADMIN_LISTEN says otherwise. Liveness and readiness are
# GET /healthz and /readyz of the public listener.
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/dedupgate"]
CMD ["serve"]

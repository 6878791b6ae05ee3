# The emulator in a container: the static binary and nothing else.
#
#   make build && docker build -t emu .
#   make dist && docker buildx build --platform linux/amd64,linux/arm64 .
#   docker run --rm -p 127.0.0.1:8080:8080 -p 127.0.0.1:9092:9092 emu
#
# Every setting of serve is a variable: -e EMU_CLOCK=virtual, or an argument
# after the image's name: emu serve --clock virtual.
FROM scratch
LABEL org.opencontainers.image.title="emu" \
      org.opencontainers.image.description="Emulator of the Baidu Smart Mini Program open platform" \
      org.opencontainers.image.source="https://github.com/swanemu/emu" \
      org.opencontainers.image.licenses="Apache-2.0"
# BuildKit says which machine an image is for, and make has built dist/emu-linux-arm64
# and its like; the old builder says nothing and takes dist/emu.
ARG TARGETARCH
COPY dist/emu${TARGETARCH:+-linux-$TARGETARCH} /emu
# Inside of a container every address is the container's own. Kafka clients are
# told 127.0.0.1:9092, where the port is when it is published as above;
# EMU_KAFKA_ADVERTISE says otherwise.
# Scenarios that are mounted at /etc/emu/scenarios can be named; the first
# WORKDIR makes the directory, so that it is there without a mount.
WORKDIR /etc/emu/scenarios
WORKDIR /
ENV EMU_LISTEN=0.0.0.0:8080 \
    EMU_KAFKA_LISTEN=0.0.0.0:9092 \
    EMU_SCENARIOS=/etc/emu/scenarios
EXPOSE 8080 9092
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["/emu", "healthcheck"]
ENTRYPOINT ["/emu"]
CMD ["serve"]

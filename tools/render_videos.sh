#!/usr/bin/env bash
# Renders the media that the simulator serves, four videos and four other files (needs ffmpeg with libx264; run by hand, the results are in the repository).
set -eu
place=$(cd "$(dirname "${BASH_SOURCE[0]}")/../simulator/pixazo_simulator/server/videos" && pwd)
for frame in 768P:1366x768 1080P:1920x1080; do
  for seconds in 6 10; do
    ffmpeg -v error -y -f lavfi \
      -i "gradients=size=${frame#*:}:rate=24:duration=$seconds:c0=0x0b1e3f:c1=0x1f6f8b:c2=0xe8a87c:c3=0x41295a:nb_colors=4:speed=0.02:seed=7" \
      -frames:v $((24 * seconds)) -c:v libx264 -preset veryslow -crf 34 -g 120 -pix_fmt yuv420p \
      -movflags +faststart -map_metadata -1 -fflags +bitexact -flags:v +bitexact "$place/${frame%:*}-$seconds.mp4"
  done
done
# A small file of each other kind of media, for the operations of model files.
picture=(-f lavfi -i "testsrc2=size=320x180:rate=1" -frames:v 1)
exact=(-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact)
ffmpeg -v error -y "${picture[@]}" -pix_fmt pal8 "${exact[@]}" "$place/output.png"
ffmpeg -v error -y "${picture[@]}" -q:v 12 "${exact[@]}" "$place/output.jpeg"
ffmpeg -v error -y -f lavfi -i "sine=frequency=440:duration=0.4:sample_rate=8000" -c:a pcm_u8 "${exact[@]}" "$place/output.wav"
ffmpeg -v error -y -f lavfi -i "sine=frequency=440:duration=1:sample_rate=16000" -b:a 16k "${exact[@]}" "$place/output.mp3"

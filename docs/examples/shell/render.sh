#!/bin/sh
# The app under test: render.sh PROMPT asks for a video, polls until there is an end, and prints its URL. PAUSE replaces sleep.
set -eu
url=$PIXAZO_BASE_URL/minimax-hailuo-ai/v1/generate
key="Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY"
member() { sed -n "s/.*\"$1\": *\\[\\{0,1\\}\"\\([^\"]*\\)\".*/\\1/p"; }

accepted=$(curl -fsS "$url" -H "$key" -H 'Content-Type: application/json' -d "{\"prompt\": \"$1\"}")
poll=$(echo "$accepted" | member polling_url)
while :; do
  seen=$(curl -fsS "$poll" -H "$key")
  case $(echo "$seen" | member status) in
  COMPLETED) echo "$seen" | member media_url && exit ;;
  FAILED | ERROR) echo "$seen" | member error >&2 && exit 1 ;;
  *) ${PAUSE:-sleep} 5 ;;
  esac
done

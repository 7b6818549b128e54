#!/bin/sh
# Run it by: pixazo-sim exec -- sh test_render.sh
set -eu
cd "$(dirname "$0")"
: "${PIXAZO_BASE_URL:?run it by pixazo-sim exec -- sh test_render.sh}"
sim() { curl -fsS -X "$1" "$PIXAZO_BASE_URL/_sim/$2" -H "Ocp-Apim-Subscription-Key: ${PIXAZO_API_KEY-}" -H 'Content-Type: application/json' -d "${3-}"; }

# Called by render.sh in place of sleep: time passes in the world.
if [ "${1-}" = pause ]; then
  sim POST clock/advance "{\"seconds\": $2}" >/dev/null
  exit
fi

# A world of this test: its key is from now on that of the app.
PIXAZO_API_KEY=$(unset PIXAZO_API_KEY && sim POST worlds '{"clock": "manual", "balance": "0.80", "script": [
  {"when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "content policy"}}
]}' | sed 's/.*"key":"\([^"]*\)".*/\1/')
export PIXAZO_API_KEY PAUSE="sh test_render.sh pause"
trap 'sim DELETE world >/dev/null' EXIT

sh render.sh 'A cat' | grep -q '\.mp4$'
if said=$(sh render.sh 'A bear' 2>&1); then exit 1; fi
[ "$said" = 'content policy' ]
sim GET 'journal?operation=submit' | grep -q '"total":2'
sim GET ledger | grep -q '"balance":"0.10"'
echo ok

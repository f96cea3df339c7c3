#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A store's doorstep.yaml, end to end: an alias, a type and a changed shipped name hold on import,
# dry run and append; what is wrong in it stops both before anything is written.
DOORSTEP=${DOORSTEP:-$(readlink -f "$(dirname "$0")/../..")/build/doorstep}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset DOORSTEP_STORE

# expect NAME WANTED FOUND
expect() {
  if [ "$2" = "$3" ]; then
    echo "ok settings $1"
  else
    echo "not ok settings $1 expected '$2', got '$3'" | tr '\n' '|'
    echo
  fi
}

# Lines as one, in order of bytes.
joined() {
  LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
}

# The touchpoints of the store with their numbers of events: "a=1 b=2".
touchpoints() {
  "$DOORSTEP" process --case order_id --table nodes --format csv | tr -d '\r' |
    awk -F, 'NR > 1 { print $1 "=" $2 }' | joined
}

# The touchpoints that an import tells, whether they are known, and the nearest: "a:no:b c:yes:".
imported() {
  "$DOORSTEP" import events.csv --case order_id --table touchpoints --format csv "$@" |
    tr -d '\r' | awk -F, 'NR > 1 { print $1 ":" $3 ":" $4 }' | joined
}

"$DOORSTEP" --quiet init
expect example "0 lines" "$(grep -cv '^#\|^$' doorstep.store/doorstep.yaml) lines"

cat > doorstep.store/doorstep.yaml <<'YAML'
time_zone: America/Sao_Paulo
touchpoints:
  - name: gift_wrapped
    stage: fulfilment
    aliases: [Gift Packed, verpackt]
    properties: {cost: number}
  - name: order_packed
    aliases: [shipped]
YAML
cat > events.csv <<'CSV'
customer_id,time,event,order_id
c1,2024-01-01T10:00:00Z,Order Completed,o1
c1,2024-01-01T11:00:00Z,VERPACKT,o1
c1,2024-01-01T12:00:00Z,shipped,o1
c1,2024-01-01T13:00:00Z,gift_wraped,o1
CSV
want='gift_wraped:no:gift_wrapped gift_wrapped:yes: order_packed:yes: order_placed:yes:'
expect dry-run "$want" "$(imported --dry-run)"
expect import "$want" "$(imported)"
expect import-stored 'gift_wraped=1 gift_wrapped=1 order_packed=1 order_placed=1' "$(touchpoints)"

cat > events.ndjson <<'JSON'
{"event":"GiftPacked","order_id":"o2","time":"2024-01-02T10:00:00Z","cost":"2.5"}
{"event":"gift wrapped","order_id":"o2","time":"2024-01-02T11:00:00Z"}
{"event":"Gift Unwraped","order_id":"o2","time":"2024-01-02T12:00:00Z"}
JSON
"$DOORSTEP" append < events.ndjson > out 2> err
expect append 'ack 3' "$(cat out)"
expect append-unknown '`Gift Unwraped` is not in the catalogue: its events are kept under that name;
 did you mean `gift_wrapped`?' "$(grep catalogue err | sed 's/; /;\n /')"
expect append-stored \
  'Gift Unwraped=1 gift_wraped=1 gift_wrapped=3 order_packed=1 order_placed=1' "$(touchpoints)"

# Settings that are changed do not bring files in again.
printf 'touchpoints: []\n' > doorstep.store/doorstep.yaml
"$DOORSTEP" --quiet import events.csv --case order_id > /dev/null
expect not-again \
  'Gift Unwraped=1 gift_wraped=1 gift_wrapped=3 order_packed=1 order_placed=1' "$(touchpoints)"

printf 'touchpoints:\n  - name: gift_wrapped\n    owner: warehouse\n    stage: fulfillment\n' \
  > doorstep.store/doorstep.yaml
why='doorstep: doorstep.yaml line 4, stage: there is no stage `fulfillment`; did you mean'
why="$why "'`fulfilment`?'
printf '{"event":"delivered","order_id":"o3"}\n' > more.ndjson
found=$("$DOORSTEP" append < more.ndjson 2>&1; echo "$?")
expect wrong-append "$why
3" "$found"
found=$("$DOORSTEP" import events.csv --case order_id --again 2>&1; echo "$?")
expect wrong-import "$why
3" "$found"
rm doorstep.store/doorstep.yaml
expect wrong-stored \
  'Gift Unwraped=1 gift_wraped=1 gift_wrapped=3 order_packed=1 order_placed=1' "$(touchpoints)"

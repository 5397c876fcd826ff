#!/bin/sh
# The bars pipeline, verb by verb, as the Makefile calls it: a broker, Celery workers, a universe and the bars of its
# tickers. Without the vendor's keys in .env or the environment it runs in the folder demo/ against the simulated
# vendor, which `up` starts and `down` stops; with keys it runs here, against the real one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/keys.sh"

demo_port=8787 demo_redis=6390

days_ago() { python -c "import datetime as d; print(d.date.today() - d.timedelta(days=$1))"; }

at_home() {
    if has_keys; then
        # The broker of those who name none; `workers up` starts one if nobody answers there.
        env | grep -qE '^(REDIS_|CELERY_BROKER_URL=)' || grep -qsE '^ *(export +)?(REDIS_|CELERY_BROKER_URL)' .env ||
            export REDIS_URL=redis://127.0.0.1:6379/0
        return
    fi
    mkdir -p demo/data/services && cd demo
    demo=yes
    : "${START:=$(days_ago 30)}"
    if [ ! -e .env ]; then
        echo "no keys in .env: using the simulated vendor, in the folder demo/"
        forebay sandbox --port "$demo_port" --print-env >.env.new
        echo "REDIS_URL=redis://127.0.0.1:$demo_redis/0" >>.env.new
        mv .env.new .env
    fi
}

simulated_vendor() {
    pid=data/services/vendor
    if ! kill -0 "$(cat "$pid" 2>/dev/null || echo -)" 2>/dev/null; then
        nohup forebay sandbox --port "$demo_port" --tickers 120 --start "$(days_ago 45)" >data/services/vendor.log 2>&1 &
        echo $! >"$pid"
        echo "vendor: started, log in data/services/vendor.log"
    fi
    python - "$demo_port" <<'WAIT'
import socket, sys, time

for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1).close()
        sys.exit()
    except OSError:
        time.sleep(0.1)
sys.exit("the simulated vendor does not answer; see demo/data/services/vendor.log")
WAIT
}

up() {
    if [ "${demo:-}" ]; then simulated_vendor; fi
    forebay workers up ${WORKERS:+--workers "$WORKERS"}
}

down() {
    forebay workers down
    if [ "${demo:-}" ] && [ -e data/services/vendor ]; then
        kill "$(cat data/services/vendor)" 2>/dev/null || true
        rm data/services/vendor
        echo "vendor: stopped"
    fi
}

dates() { echo "${START:+--start $START} ${END:+--end $END}"; }

newest() { ls -t universe/us_equities_*.json 2>/dev/null | head -1; }

needs_universe() {
    [ "$(newest)" ] || { echo "no universe yet. Next: make discover" >&2; exit 1; }
}

if [ "$1" = down ] && ! has_keys && [ ! -e demo/.env ]; then exit; fi # nothing was ever started
at_home
case "$1" in
run)
    up
    forebay discover us_equities ${TICKERS:+--limit "$TICKERS"}
    forebay enqueue "$(newest)" $(dates) --async
    echo "watch it: make status, make logs-worker, make flower; stop it: make down"
    ;;
run-full)
    up
    forebay discover us_equities
    forebay enqueue-batch "$(newest)" $(dates)
    echo "watch it: make status, make logs-worker, make flower; stop it: make down"
    ;;
up | down) "$1" ;;
worker) exec celery -A forebay.celery_app worker -Q discovery,download,default -n "extra$$@%h" --loglevel INFO ;;
flower) forebay workers flower ;;
logs) exec tail -n 20 -F data/services/*.log ;;
logs-worker) exec tail -n 20 -F data/services/download*.log ;;
status)
    forebay workers status || true
    forebay status
    ;;
discover) forebay discover us_equities ${TICKERS:+--limit "$TICKERS"} ;;
discover-all) forebay discover all ${TICKERS:+--limit "$TICKERS"} ;;
enqueue-batch)
    needs_universe
    forebay enqueue-batch "$(newest)" $(dates) ${BATCH_SIZE:+--batch-size "$BATCH_SIZE"} \
        ${START_BATCH:+--start-batch "$START_BATCH"} ${MAX_BATCHES:+--max-batches "$MAX_BATCHES"} ${DELAY:+--delay "$DELAY"}
    ;;
test-ticker)
    if [ "${demo:-}" ]; then simulated_vendor; fi
    forebay run-once "${TICKER:-AAPL}" $(dates)
    ;;
*)
    echo "unknown verb $1" >&2
    exit 2
    ;;
esac

#!/bin/sh
# The main job, from an empty folder to two answers. Without the vendor's keys in .env or the environment it runs
# against the simulated vendor, in the folder demo/; with keys it runs against the real one, and data are kept in data/.
set -eu
here=$(dirname "$0")
. "$here/keys.sh"

main_job() {
    echo "\$ forebay plan${*:+ $*}"
    forebay plan "$@"
    echo
    echo "\$ forebay sync${*:+ $*}"
    forebay sync "$@"
    echo
    echo "\$ forebay status"
    forebay status
}

answer() {
    echo
    echo "$1"
    forebay query "$2"
}

two_queries() {
    answer "Which stocks moved most on the last day held?" "
        select ticker, open, close, round(100 * (close / open - 1), 2) as percent, volume
        from stocks.bars_1d
        where session_date = (select max(session_date) from stocks.bars_1d)
        order by abs(close / open - 1) desc, ticker limit 5"
    answer "When in the day does AAPL trade (New York time)?" "
        select hour(window_start at time zone 'America/New_York') as hour, count(*) as minutes,
               round(sum(volume)) as shares
        from stocks.bars_1m where ticker = 'AAPL' group by hour order by hour"
}

if [ "${1:-}" = in-demo ]; then
    forebay init
    main_job
    two_queries
elif ! has_keys; then
    echo "no keys in .env: using the simulated vendor, in the folder demo/"
    mkdir -p demo && cd demo
    exec forebay sandbox --port 0 --run "sh ../examples/first_run.sh in-demo"
elif [ -e forebay.toml ]; then
    main_job
else
    month_ago=$(python -c 'import datetime as d; print(d.date.today() - d.timedelta(days=30))')
    main_job --datasets stocks/bars_1d,stocks/bars_1m --tickers AAPL,MSFT,SPY --start "$month_ago"
    two_queries
fi

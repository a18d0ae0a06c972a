# model-injector load, engine s5cmd
#
# The loader for clusters that want the stock image peakcom/s5cmd: a POSIX script for the busybox of that image, with the
# phases, the exit codes and the layout on the volume of the native engine. It is constant. Text of users reaches it
# through the environment only, and is only ever the value of a quoted variable.
#
# The first line is how a second pass recognises the script, of whatever version: it must not change.
# s5cmd-script.ts is generated from this file, without its comments.
#
# Functions are called from traps and by name (SC2317); `A && B || fail` is meant as it reads, a failure ends the shell (SC2015).
# shellcheck shell=sh disable=SC2015,SC2317
set -eu
export LC_ALL=C
# s5cmd would let its heap grow to 180 MB over 10,000 objects; the webhook gives a loader 192 MiB at least.
export GOMEMLIMIT=128MiB
umask 077
# Progress goes to the log whatever the output of a command is redirected to.
exec 3>&1

main() {
  started=$(uptime_seconds)
  trap 'finish' EXIT
  trap 'interrupted' TERM INT
  read_environment
  tmp=$(mktemp -d "${TMPDIR:-/tmp}/model-loader.XXXXXX")
  trust_operators
  skip_if_published
  prepare_credentials
  pause_at_random
  open_staging
  load_once
  if [ -n "$changed" ]; then
    say "warning: $changed changed while it was read; listing again"
    load_once
    [ -z "$changed" ] || fail 15 "$changed changed twice while it was read"
  fi
  publish
}

# Go reads one file, so that it has to hold what the image trusts, too.
trust_operators() {
  [ -n "${MODEL_CA_CERTIFICATES:-}" ] || return 0
  cat "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" >"$tmp/authorities" 2>/dev/null || :
  printf '\n%s\n' "$MODEL_CA_CERTIFICATES" >>"$tmp/authorities"
  export SSL_CERT_FILE="$tmp/authorities"
}

load_once() {
  list_model listing
  refuse_unexpected
  read_manifest
  refuse_too_large
  say "loading $MODEL_SOURCE: $(counted "$objects" object), $(format_size "$bytes")"
  copy_model
  find_change
  [ -z "$changed" ] || return 0
  verify_files
  verify_manifest
}

# --- how it ends ---------------------------------------------------------------------------------------------------

say() {
  printf '%s\n' "$1" >&3
}

fail() { # CODE WHAT [REMEDY]
  case $1 in
    10) summary='access denied' remedy='allow s3:GetObject and s3:ListBucket on the prefix' ;;
    11) summary='cannot list the source' remedy='check bucket, region and endpoint' ;;
    12) summary='nothing is there' remedy='check the source' ;;
    13) summary='not enough space' remedy='raise the size annotation or choose another volume' ;;
    14) summary='the download failed' remedy='it is tried again; restore archived objects first' ;;
    15) summary='verification failed' remedy='the source changes or is damaged: publish it under a new prefix' ;;
    16) summary='unsafe keys' remedy='rename the objects' ;;
    17) summary='no progress in time' remedy='raise timeout or stall-timeout, or look at the network' ;;
    18) summary='the destination holds files the loader did not write' remedy='remove them or choose another volume' ;;
    19) summary='the volume is not writable' remedy='check fsGroup, run-as-user and the volume' ;;
    64) summary='the environment of the loader is invalid' remedy='the pod was changed after injection: recreate it' ;;
    75) summary='no credentials in time' remedy='look at what gives them, the Pod Identity agent or STS' ;;
    78) summary='no workload identity was injected' remedy="give the pod an identity, the node's role is never used" ;;
    143) summary='SIGTERM' remedy='the next run starts anew' ;;
    *) summary='a bug in the loader' remedy='report it with the log' ;;
  esac
  case $1:${MODEL_CREDENTIALS:-} in
    10:pod-identity) remedy='allow s3:GetObject and s3:ListBucket on the prefix, and check the Pod Identity association' ;;
    10:irsa) remedy='allow s3:GetObject and s3:ListBucket on the prefix to the role, and let its trust policy name the service account' ;;
    10:secret/*) remedy='allow s3:GetObject and s3:ListBucket on the prefix to the owner of the keys, or correct the Secret' ;;
    10:anonymous) remedy='choose other credentials, or let everybody read the prefix' ;;
    75:pod-identity) remedy='check the agent on the node and the association of the service account' ;;
    75:irsa) remedy='check that the pod reaches STS, and the region' ;;
    78:irsa) remedy='annotate the service account with its role and recreate the pod' ;;
    78:secret/*) remedy='put both keys into the Secret' ;;
  esac
  # A line break or a terminal's escape sequence in a message of a server would forge lines of the log.
  line=$(printf '%s' "$summary: $2; ${3:-$remedy} (exit $1)" | tr '\000-\037\177' ' ' | cut -c 1-4000)
  say "$line"
  log=${MODEL_TERMINATION_LOG:-/dev/termination-log}
  if [ -w "$log" ]; then printf '%s' "$line" >"$log"; fi
  ended=1
  exit "$1"
}

# A command that was not expected to fail ends the shell (set -e) without a reason.
finish() {
  code=$?
  trap '' TERM INT
  end_child
  if [ -z "${ended:-}" ]; then
    ended=1
    ( fail 70 "a command ended with $code" ) || code=$?
  fi
  if [ -n "${staging:-}" ]; then rm -rf "$staging"; fi
  if [ -n "${tmp:-}" ]; then rm -rf "$tmp"; fi
  exit "$code"
}

succeed() {
  ended=1
  exit 0
}

interrupted() {
  trap '' TERM INT
  if [ -n "${tmp:-}" ] && [ -s "$tmp/circle" ]; then fail 11 "$(cat "$tmp/circle")"; fi
  if [ -n "${tmp:-}" ] && [ -s "$tmp/overdue" ]; then fail 17 "$(cat "$tmp/overdue")"; fi
  fail 143 'stopped on request'
}

# --- children ------------------------------------------------------------------------------------------------------

# Runs a command in the background of the shell, which takes no signal while one of its own is in front, and watches it: FLOW ends it
# without progress in staging for stall-timeout, WORK only at the timeout of all.
run() { # FLOW|WORK COMMAND...
  ( watch_child "$1" ) >&3 2>&3 &
  watchdog=$!
  shift
  "$@" 3>&- &
  child=$!
  status=0
  wait "$child" || status=$?
  child=
  # A shell that was forked a moment ago loses any other signal while it takes leave of the traps of its parent.
  kill -KILL "$watchdog" 2>/dev/null || :
  wait "$watchdog" 2>/dev/null || :
  watchdog=
  return "$status"
}

watch_child() {
  moved_at=$(uptime_seconds) before='' began=$moved_at
  while sleep "$interval" >/dev/null 2>&1 3>&- && kill -0 "$$" 2>/dev/null; do
    now=$(uptime_seconds)
    [ "$((now - started))" -lt "$MODEL_TIMEOUT_SECONDS" ] || give_up "not finished within $MODEL_TIMEOUT_SECONDS s"
    if [ -s "$tmp/agent-waiting" ]; then say "waiting for the Pod Identity agent: $(cat "$tmp/agent-waiting")"; fi
    [ "$1" = FLOW ] || continue
    if [ "${doing:-}" = list ] && goes_in_circle "$out"; then
      printf '%s' "$MODEL_SOURCE: the listing goes in a circle" >"$tmp/circle"
      give_up circle
    fi
    received=$(measure_staging)
    if [ "$received" != "$before" ]; then before=$received moved_at=$now; fi
    [ "$((now - moved_at))" -lt "$MODEL_STALL_TIMEOUT_SECONDS" ] || give_up "not one byte in $MODEL_STALL_TIMEOUT_SECONDS s"
    [ -z "${bytes:-}" ] || show_progress "${received##* }" "$((now - began))"
  done
}

give_up() {
  printf '%s' "$1" >"$tmp/overdue"
  kill -TERM "$$"
  exit 0
}

# The last whole line of a listing that is being written was there twice before. s5cmd would list until the volume is full.
goes_in_circle() {
  last=$(tail -n 2 "$1" 2>/dev/null | head -n 1)
  [ -n "$last" ] && [ "$(grep -cxF -e "$last" "$1")" -gt 2 ]
}

# How many files there are, their bytes, and the bytes of the model among them. Blocks where they are less than the size: parts
# are written at their place in the file, and the hole before them has not arrived yet. Also the sign of life that keeps other
# loaders of the volume from removing this staging.
measure_staging() {
  touch "$staging" 2>/dev/null || :
  find "$staging" -type f -exec stat -c '%s %b %B %n' {} + 2>/dev/null | FILES=" ${files:-}/" awk '
    { n++; b = $2 * $3 < $1 ? $2 * $3 : $1; s += b; if (index($0, ENVIRON["FILES"])) f += b } END { printf "%d %.0f %.0f", n, s, f }'
}

show_progress() { # BYTES SECONDS
  arrived=$(($1 < bytes ? $1 : bytes))
  rate=$((arrived / ($2 > 0 ? $2 : 1)))
  left=
  if [ "$rate" -gt 0 ]; then left=", $(((bytes - arrived) / rate)) s left"; fi
  say "$(format_size "$arrived") of $(format_size "$bytes") ($((bytes > 0 ? 100 * arrived / bytes : 100)) %), $(format_size "$rate")/s$left"
}

end_child() {
  [ -z "${watchdog:-}" ] || kill -KILL "$watchdog" 2>/dev/null || :
  [ -n "${child:-}" ] || return 0
  kill "$child" 2>/dev/null || return 0
  ( sleep 5; kill -KILL "$child" ) >/dev/null 2>&1 3>&- &
  killer=$!
  wait "$child" 2>/dev/null || :
  kill -KILL "$killer" 2>/dev/null || :
}

uptime_seconds() {
  cut -d . -f 1 /proc/uptime
}

# --- the environment -----------------------------------------------------------------------------------------------

untrusted='check the endpoint; for a certificate of your own, an operator sets loader.caCertificates'

read_environment() {
  problems=
  s5cmd=${MODEL_S5CMD:-/s5cmd}
  region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
  : "${MODEL_EXPECT:=}" "${MODEL_SIZE_BYTES:=}" "${MODEL_READ_ONLY:=true}" "${MODEL_ENDPOINT:=}" "${MODEL_POD_UID:=unknown}"
  : "${MODEL_EXCLUDE:=}" "${MODEL_INCLUDE:=}"
  for name in MODEL_NAME MODEL_SOURCE MODEL_ROOT MODEL_ID MODEL_CREDENTIALS MODEL_TIMEOUT_SECONDS MODEL_STALL_TIMEOUT_SECONDS; do
    eval "[ -n \"\${$name:-}\" ]" || problem "$name is not set"
  done
  read_source "${MODEL_SOURCE:-}"
  check_values
  read_expectation
  [ -z "$problems" ] || fail 64 "$problems"
  published=$MODEL_ROOT/$MODEL_ID
  interval=$((MODEL_STALL_TIMEOUT_SECONDS < 10 ? 1 : 5))
}

problem() {
  problems="${problems:+$problems, }$1"
}

reject() { # NAME VALUE WHAT
  problem "$1 \"$(printf '%s' "$2" | tr '\000-\037\177' ' ' | cut -c 1-80)\" $3"
}

check_values() {
  is_safe_path "${MODEL_ROOT:-/}" || reject MODEL_ROOT "$MODEL_ROOT" 'is not an absolute path'
  case ${MODEL_ID:-0} in *[!0-9a-f]*) reject MODEL_ID "$MODEL_ID" 'is not 16 hexadecimal digits' ;; esac
  case ${MODEL_ID:+${#MODEL_ID}} in '' | 16) ;; *) reject MODEL_ID "$MODEL_ID" 'is not 16 hexadecimal digits' ;; esac
  case $MODEL_POD_UID in *[!0-9A-Za-z-]*) reject MODEL_POD_UID "$MODEL_POD_UID" 'is no uid' ;; esac
  [ "${#MODEL_POD_UID}" -le 64 ] || reject MODEL_POD_UID "$MODEL_POD_UID" 'is no uid'
  case $MODEL_READ_ONLY in true | false) ;; *) reject MODEL_READ_ONLY "$MODEL_READ_ONLY" 'is neither true nor false' ;; esac
  case ,$MODEL_EXCLUDE, in
    ,,) ;;
    *,,* | *,/* | *[[:cntrl:]]*) reject MODEL_EXCLUDE "$MODEL_EXCLUDE" 'has an item that is empty, starts with a slash or has a control character' ;;
  esac
  [ -z "$MODEL_INCLUDE" ] || reject MODEL_INCLUDE "$MODEL_INCLUDE" 'is set, but the engine s5cmd has no include'
  case ${MODEL_CREDENTIALS:-irsa} in
    pod-identity | irsa | anonymous) ;;
    secret/[a-z0-9]*) case ${MODEL_CREDENTIALS#secret/} in *[!a-z0-9.-]*) reject MODEL_CREDENTIALS "$MODEL_CREDENTIALS" 'needs the name of a Secret after secret/' ;; esac ;;
    *) reject MODEL_CREDENTIALS "$MODEL_CREDENTIALS" 'is none of pod-identity, irsa, secret/NAME, anonymous' ;;
  esac
  # The engine would ask the S3 server for the role, not STS, and crash on its answer.
  case ${MODEL_CREDENTIALS:-}:$MODEL_ENDPOINT in irsa:?*) reject MODEL_ENDPOINT "$MODEL_ENDPOINT" 'is set, but the engine s5cmd has no irsa there' ;; esac
  is_endpoint "$MODEL_ENDPOINT" || reject MODEL_ENDPOINT "$MODEL_ENDPOINT" 'is not http://host[:port] or https://host[:port]'
  case ${MODEL_CA_CERTIFICATES:-} in
    '' | *'-----BEGIN CERTIFICATE-----'*'-----END CERTIFICATE-----'*) ;;
    *) reject MODEL_CA_CERTIFICATES "$MODEL_CA_CERTIFICATES" 'is not a list of PEM certificates' ;;
  esac
  case ${HTTPS_PROXY:-} in '' | http://*) ;; *) reject HTTPS_PROXY "$HTTPS_PROXY" 'is not http://host:port' ;; esac
  case $region in -* | *[!a-z0-9-]*) reject AWS_REGION "$region" 'is not a region name' ;; esac
  for name in MODEL_SIZE_BYTES MODEL_TIMEOUT_SECONDS MODEL_STALL_TIMEOUT_SECONDS; do
    eval "value=\${$name:-}"
    is_whole "${value:-1}" || reject "$name" "$value" 'is not a whole number of at least 1'
  done
}

read_source() {
  rest=${1#s3://} key='' bucket=''
  [ -n "$1" ] || return 0
  bucket=${rest%%/*}
  case $rest in */*) key=${rest#*/} ;; esac
  case $1 in s3://*) ;; *) reject MODEL_SOURCE "$1" 'is not an s3:// source'; return 0 ;; esac
  case $bucket in '' | [!a-z0-9]* | *[!a-z0-9.-]*) reject MODEL_SOURCE "$1" 'has a bucket name that S3 does not allow' ;; esac
  case $key in
    '') reject MODEL_SOURCE "$1" 'names a whole bucket; name a prefix or a key in it' ;;
    *[*?]*) reject MODEL_SOURCE "$1" 'has a wildcard' ;;
    *) is_safe_path "/${key%/}" || reject MODEL_SOURCE "$1" 'has a control character, or an empty, "." or ".." segment' ;;
  esac
}

read_expectation() {
  expected_kinds='' expected_objects='' expected_bytes='' manifest_key='' manifest_sha256=''
  split_list "$MODEL_EXPECT" read_expected
}

read_expected() {
  value=${1#*=}
  case " $expected_kinds " in *" ${1%%=*} "*) reject MODEL_EXPECT "$MODEL_EXPECT" 'says one thing twice' ;; esac
  expected_kinds="$expected_kinds ${1%%=*}"
  case $1 in
    objects=*) expected_objects=$value; is_whole "$value" || reject MODEL_EXPECT "$1" 'needs a whole number of at least 1' ;;
    bytes=*) expected_bytes=$value; is_whole "$value" || reject MODEL_EXPECT "$1" 'needs a whole number of at least 1' ;;
    manifest=*@sha256:*)
      manifest_key=${value%@sha256:*} manifest_sha256=${value##*@sha256:}
      is_safe_path "/$manifest_key" || reject MODEL_EXPECT "$1" 'has a manifest key that is not safe'
      case ${#manifest_sha256}$manifest_sha256 in 64*[!0-9a-f]*) reject MODEL_EXPECT "$1" 'needs 64 hexadecimal digits' ;; 64*) ;;
        *) reject MODEL_EXPECT "$1" 'needs 64 hexadecimal digits' ;; esac ;;
    *) reject MODEL_EXPECT "$1" 'is none of objects=N, bytes=N, manifest=KEY@sha256:HEX' ;;
  esac
}

split_list() { # LIST FUNCTION
  set -f
  IFS=,
  # shellcheck disable=SC2086
  set -- "$2" $1
  unset IFS
  set +f
  each=$1
  shift
  for item in "$@"; do "$each" "$item"; done
}

is_whole() {
  case $1 in 0* | *[!0-9]* | ????????????????*) return 1 ;; esac
}

is_safe_path() {
  case $1 in *[[:cntrl:]]*) return 1 ;; esac
  case $1/ in /*) ;; *) return 1 ;; esac
  case $1/ in *//* | */./* | */../*) return 1 ;; esac
}

is_endpoint() {
  case $1 in
    '') return 0 ;;
    http://*) host=${1#http://} ;;
    https://*) host=${1#https://} ;;
    *) return 1 ;;
  esac
  case $host in '' | *[!A-Za-z0-9.:_-]*) case $host in \[*) case $host in *[!][0-9A-Fa-f:.]*) return 1 ;; esac ;; *) return 1 ;; esac ;; esac
}

# --- what is on the volume -----------------------------------------------------------------------------------------
#
#     <id>/files/, <id>/marker.json     a published model; never changed, never removed
#     .staging-<id>-<pod uid>/          this pod's work in progress: files/ and small files of the loader

skip_if_published() {
  if [ ! -e "$published" ] && [ ! -L "$published" ]; then return 0; fi
  if [ -L "$published" ] || [ ! -d "$published" ]; then fail 18 "$published is no directory"; fi
  # The kubelet makes an empty directory for a subPath that is not there yet. rmdir takes nothing but an empty one.
  rmdir "$published/files" 2>/dev/null || :
  if rmdir "$published" 2>/dev/null; then return 0; fi
  read_marker
  [ -n "$marker_files" ] || fail 18 "$published has no marker of this loader: $(first_three "$(find "$published" -mindepth 1 -maxdepth 1)")"
  if [ "$MODEL_READ_ONLY" = true ]; then refuse_foreign_files; fi
  say "$MODEL_SOURCE is on the volume already: $(counted "$marker_files" file), $(format_size "$marker_bytes")"
  ready "$marker_files" "$marker_bytes"
}

# The form in which both engines write it.
read_marker() {
  marker_files='' marker_bytes=''
  [ -f "$published/marker.json" ] || return 0
  fields=$(sed -n "s/^{\"schema\":1,\"id\":\"$MODEL_ID\",\"source\":\".*\",\"files\":\([0-9]\{1,\}\),\"bytes\":\([0-9]\{1,\}\)}\$/\1 \2/p" "$published/marker.json")
  marker_files=${fields% *} marker_bytes=${fields#* }
}

# An app that may write can leave what it likes; one that may not has a model of exactly what was loaded.
refuse_foreign_files() {
  found=$(find "$published/files" ! -type d -exec stat -c '%f %s' {} + | awk '{ n++; if ($1 ~ /^8/) s += $2 } END { printf "%d %.0f", n, s }')
  [ "$found" = "$marker_files $marker_bytes" ] ||
    fail 18 "$published/files has ${found% *} files of ${found#* } bytes, the loader wrote $marker_files of $marker_bytes"
}

open_staging() {
  remove_stale_stagings
  own=$MODEL_ROOT/.staging-$MODEL_ID-$MODEL_POD_UID
  try rm -rf "$own" "$own-new"
  try mkdir "$own-new"
  staging=$own-new
  inode=$(stat -c %i "$staging")
  # mv copies where rename(2) would cross file systems, and a copy is half there for a while. A directory that was renamed
  # kept its inode: what works on this volume now will work when the model is published.
  try mv -T "$staging" "$own"
  staging=$own
  [ "$(stat -c %i "$staging")" = "$inode" ] || fail 19 "$MODEL_ROOT cannot rename a directory"
  try mkdir "$staging/work"
  work=$staging/work files=$staging/files
}

# A loader touches its staging every few seconds; one that has not for ten minutes is gone. Measured by the volume's own clock.
remove_stale_stagings() {
  probe=$MODEL_ROOT/.clock-$MODEL_ID-$MODEL_POD_UID
  try touch "$probe"
  now=$(stat -c %Y "$probe")
  rm -f "$probe"
  for other in "$MODEL_ROOT"/.staging-????????????????-*; do
    [ -d "$other" ] && [ ! -L "$other" ] || continue
    touched=$(stat -c %Y "$other" "$other/journal.ndjson" 2>/dev/null | sort -n | tail -n 1)
    [ "$((now - ${touched:-now}))" -ge 600 ] || continue
    rm -rf "$other"
    say "removed ${other##*/}, which was not used for ten minutes"
  done
}

# A command on the volume.
try() {
  "$@" 2>"$tmp/error" || file_failure
}

file_failure() {
  message=$(tail -n 1 "$tmp/error")
  case $message in
    *'o space left'*) no_space_left ;;
    *[Pp]ermission\ denied* | *not\ permitted* | *ead-only\ file\ system* | *I/O\ error* | *nput/output\ error* | *uota\ exceeded*) fail 19 "$message" ;;
    *) fail 70 "$message" ;;
  esac
}

# It fitted when it was asked, and does not any more: somebody else writes there, or the volume counts files.
no_space_left() {
  room=$(stat -f -c '%a %S %c %d' "$MODEL_ROOT" | awk '{ printf "%.0f %s", $1 * $2, ($3 > 0 ? $4 : "") }')
  free=${room%% *} free_files=${room#* }
  free="$free ($(format_size "$free"))${free_files:+ and $free_files more files} are free"
  [ -n "${bytes:-}" ] || fail 13 "the volume is full: $free"
  fail 13 "the volume became full: the model needs $bytes bytes ($(format_size "$bytes")) in $(counted "$objects" file), $free"
}

# --- credentials ---------------------------------------------------------------------------------------------------

# The SDK of s5cmd would go on looking until it finds the role of the node. It is left one source, the one that was asked
# for, and no file of anybody else.
prepare_credentials() {
  agent_uri=${AWS_CONTAINER_CREDENTIALS_FULL_URI:-} agent_token_file=${AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE:-}
  export AWS_EC2_METADATA_DISABLED=true AWS_SDK_LOAD_CONFIG=1 AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE=/dev/null
  unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN
  case $MODEL_CREDENTIALS in secret/*) ;; *) unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN ;; esac
  case $MODEL_CREDENTIALS in irsa) ;; *) unset AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE ;; esac
  signing=
  case $MODEL_CREDENTIALS in
    pod-identity) use_pod_identity ;;
    irsa) check_web_identity ;;
    secret/*) check_keys ;;
    anonymous) signing=--no-sign-request ;;
  esac
  if [ -n "$MODEL_ENDPOINT" ]; then
    export S3_ENDPOINT_URL="$MODEL_ENDPOINT"
    region=${region:-us-east-1}
  else
    unset S3_ENDPOINT_URL
  fi
  if [ -n "$region" ]; then export AWS_REGION="$region"; fi
}

check_web_identity() {
  [ -n "${AWS_ROLE_ARN:-}" ] && [ -n "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ] ||
    fail 78 'AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not set; the service account may lack its eks.amazonaws.com/role-arn'
  [ -r "$AWS_WEB_IDENTITY_TOKEN_FILE" ] || fail 75 "the token file $AWS_WEB_IDENTITY_TOKEN_FILE cannot be read"
}

check_keys() {
  [ -n "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] ||
    fail 78 "the Secret ${MODEL_CREDENTIALS#secret/} gave no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
  if [ -z "${AWS_SESSION_TOKEN:-}" ]; then unset AWS_SESSION_TOKEN; fi
}

# The released s5cmd knows nothing of EKS Pod Identity: its SDK refuses the address of the agent. It does run a
# credential_process, and runs it again when the credentials expire.
use_pod_identity() {
  [ -n "$agent_uri" ] && [ -n "$agent_token_file" ] ||
    fail 78 'AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE are not set'
  address=${agent_uri#http://}
  agent_host=${address%%/*}
  # Anything else would send the token of the pod to a stranger.
  case $agent_uri in
    http://169.254.170.23/* | 'http://[fd00:ec2::23]/'*) agent_port=80 ;;
    http://127.0.0.1:*/*) agent_port=${agent_host#*:} ;;
    *) agent_port=none ;;
  esac
  is_whole "$agent_port" || fail 78 "AWS_CONTAINER_CREDENTIALS_FULL_URI is not the address of a Pod Identity agent: $agent_uri"
  export AGENT_HOST="$agent_host" AGENT_PORT="$agent_port" AGENT_PATH="/${address#*/}" AGENT_TOKEN_FILE="$agent_token_file" AGENT_TMP="$tmp"
  write_bridge
  status=0
  patience=$((MODEL_TIMEOUT_SECONDS < 180 ? MODEL_TIMEOUT_SECONDS / 2 : 90))
  run WORK sh "$tmp/bridge" "$patience" >"$tmp/credentials" 2>"$tmp/error" || status=$?
  rm -f "$tmp/credentials"
  [ "$status" -eq 0 ] || fail_of_agent
  # The SDK gives a process one minute.
  printf "[default]\ncredential_process = sh '%s/bridge' 45\n" "$tmp" >"$tmp/config"
  export AWS_CONFIG_FILE="$tmp/config"
}

fail_of_agent() {
  [ -s "$tmp/agent-problem" ] || fail 70 "$(tail -n 1 "$tmp/error")"
  answer=$(cat "$tmp/agent-problem")
  fail "${answer%% *}" "${answer#* }"
}

# Asks the agent until it answers or SECONDS have gone by. 404 may be an association that was made a moment ago, 429 and
# 5xx are load, a refused connection is an agent that is not up yet on a new node; 400 and 403 do not heal. By nc, because
# wget would show the token to everyone who sees the list of processes, and drops what the agent says of an error.
write_bridge() {
  cat >"$tmp/bridge" <<'BRIDGE'
set -eu
umask 077
own=$(mktemp -d "$AGENT_TMP/agent.XXXXXX")
trap 'rm -rf "$own"' EXIT
trap 'exit 143' TERM INT
give_up() { # CODE WHAT
  printf '%s %s' "$1" "$2" >"$AGENT_TMP/agent-problem"
  echo "$2" >&2
  exit "$1"
}
ask() {
  address=${AGENT_HOST%":$AGENT_PORT"}
  address=${address#\[}
  # The pipe is held open: to a server, a request that ends with the end of the stream is a client that has gone.
  exec 9<>"$own/request"
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\nAuthorization: %s\r\n\r\n' "$AGENT_PATH" "$AGENT_HOST" "$1" >&9
  timeout 10 nc "${address%\]}" "$AGENT_PORT" <&9 >"$own/answer" 2>"$own/error" || :
  exec 9>&-
}
account_of() {
  claims=$(printf '%s==' "$1" | cut -d . -f 2 | tr '_-' '/+' | base64 -d 2>/dev/null | tr -d '\n' || :)
  printf '%s/%s' "$(printf '%s' "$claims" | sed -n 's/.*"namespace":"\([a-z0-9-]*\)".*/\1/p')" \
    "$(printf '%s' "$claims" | sed -n 's/.*"serviceaccount":{[^}]*"name":"\([a-z0-9.-]*\)".*/\1/p')"
}
mkfifo "$own/request"
read -r now rest </proc/uptime
end=$((${now%.*} + $1))
pause=0.25
while :; do
  token=$(cat "$AGENT_TOKEN_FILE") || give_up 75 "the token file $AGENT_TOKEN_FILE cannot be read"
  ask "$token"
  status=$(sed -n '1s/^HTTP\/1\.[01] \([0-9]*\).*/\1/p' "$own/answer")
  body=$(sed '1,/^.$/d' "$own/answer" | tr '\000-\037\177' ' ' | cut -c 1-8000 | sed 's/ *$//')
  case $status in
    200)
      case $body in
        *'"AccessKeyId":"'*'"SecretAccessKey":"'*'"Token":"'*) ;;
        *) give_up 75 'the agent answered with something that is no credentials' ;;
      esac
      rm -f "$AGENT_TMP/agent-waiting"
      printf '%s' "$body" | sed 's/"Token":/"SessionToken":/; s/^ *{/{"Version":1,/'
      exit 0 ;;
    404) what="there is no Pod Identity association for service account $(account_of "$token")" ;;
    '') what="the Pod Identity agent cannot be reached: $(tail -n 1 "$own/error")" ;;
    *) what="the Pod Identity agent answered $status: $(printf '%s' "$body" | cut -c 1-200)" ;;
  esac
  case $status in 400 | 403) give_up 10 "$what" ;; esac
  printf '%s' "$what" >"$AGENT_TMP/agent-waiting"
  read -r now rest </proc/uptime
  [ "${now%.*}" -lt "$end" ] || give_up 75 "$what"
  # A job that starts a thousand pods must not ask a thousand times in the same instant.
  sleep "$pause" 3>&-
  sleep "0.$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')"
  case $pause in 0.25) pause=1 ;; 1) pause=2 ;; 2) pause=4 ;; 4) pause=8 ;; esac
done
BRIDGE
}

# A thousand pods that start at once do not list in the same instant.
pause_at_random() {
  sleep "0.$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')"
}

# --- the listing ---------------------------------------------------------------------------------------------------

# Makes WORK/NAME, a line for each object: size, ETag, date, class, path below the source; separated by tabs. The keys in
# it are safe: copying goes by this list, so a key that is uploaded later cannot leave the directory either.
list_model() { # NAME
  case $key in
    */) list_prefix "$1" ;;
    *) head_object "$1" ;;
  esac
  totals=$(awk -F '\t' '{ n++; s += $1 } END { printf "%d %.0f", n, s }' "$work/$1")
  objects=${totals% *} bytes=${totals#* }
  [ "$objects" -gt 0 ] || nothing_there
  archived=$(awk -F '\t' '$4 == "GLACIER" || $4 == "DEEP_ARCHIVE" { print $5 }' "$work/$1")
  [ -z "$archived" ] || fail 14 "objects are archived: $(first_three "$archived")" 'restore them from Glacier first'
}

list_prefix() {
  # s5cmd takes each of them as one pattern, with the meaning that the native engine gives it.
  excluded=
  split_list "$MODEL_EXCLUDE" note_excluded
  ask_s3 list "$work/$1.json" ls ${excluded:+"--exclude=$excluded"} "s3://$bucket/$key*"
  status=0
  unsafe=$(BUCKET=$bucket PREFIX=$key OUT="$work/$1" read_listing <"$work/$1.json") || status=$?
  rm -f "$work/$1.json"
  [ "$status" -eq 0 ] || fail 70 'the listing of s5cmd cannot be read'
  [ ! -s "$work/$1.twice" ] || fail 15 "$MODEL_SOURCE: $(first_three "$(cat "$work/$1.twice")")"
  [ -z "$unsafe" ] || fail 16 "$(first_three "$unsafe")"
}

note_excluded() {
  excluded="${excluded:+$excluded,}$1"
}

# JSON lines in; what is unsafe comes out. s5cmd writes the fields in this order, and no quote in a key is without its
# backslash, so the end of a line cannot be forged by a key.
read_listing() {
  awk '
    function unescape(text) {
      gsub(/\\\\/, "\001", text)
      gsub(/\\"/, "\"", text)
      gsub(/\\u0026/, "\\&", text)
      gsub(/\\u003c/, "<", text)
      gsub(/\\u003e/, ">", text)
      gsub(/\\u2028/, "\342\200\250", text)
      gsub(/\\u2029/, "\342\200\251", text)
      return text
    }
    function problem(path,  i, n, segments) {
      if (path ~ /\\/ || path ~ /\177/) return "has a control character"
      if (length(path) > 2048) return "has more than 2048 bytes"
      n = split(path, segments, "/")
      for (i = 1; i <= n; i++) {
        if (segments[i] == "") return "has an empty segment"
        if (segments[i] == "." || segments[i] == "..") return "has the segment \"" segments[i] "\""
        if (length(segments[i]) > 255) return "has a segment of more than 255 bytes"
      }
      return ""
    }
    function value(name,  at) {
      at = index(rest, "\"" name "\":\"")
      return at == 0 ? "" : substr(rest, at + length(name) + 4, index(substr(rest, at + length(name) + 4), "\"") - 1)
    }
    BEGIN {
      start = "{\"key\":\"s3://" ENVIRON["BUCKET"] "/"
      out = ENVIRON["OUT"]
      printf "" >out
      printf "" >(out ".twice")
    }
    {
      at = match($0, /","etag":"[^"]*","last_modified":"[^"]*","type":"[a-z]*"(,"size":[0-9]+)?(,"storage_class":"[^"]*")?}$/)
      if (at == 0 || substr($0, 1, length(start)) != start) { broken = 1; exit }
      shown = substr($0, length(start) + 1, at - length(start) - 1)
      rest = substr($0, at)
      size = match(rest, /"size":[0-9]+/) ? substr(rest, RSTART + 7, RLENGTH - 7) : "0"
      # Consoles make an empty object for a directory; the prefix itself may be one, too.
      if (value("type") == "directory" && size == "0") next
      path = substr(unescape(shown), length(ENVIRON["PREFIX"]) + 1)
      what = problem(path)
      if (what != "") { print "\"" shown "\" " what; next }
      gsub(/\001/, "\\\\", path)
      what = size " bytes and the ETag " value("etag")
      if (path in paths && what != values[path]) print "\"" shown "\" is listed twice, with " values[path] " and with " what >(out ".twice")
      if (path in paths) next
      paths[path] = shown
      values[path] = what
      print size "\t" value("etag") "\t" value("last_modified") "\t" value("storage_class") "\t" path >out
    }
    END {
      if (broken) exit 1
      # k and k/x: a file system has one of them only.
      for (path in paths) for (dir = path; match(dir, /\/[^\/]*$/); ) {
        dir = substr(dir, 1, RSTART - 1)
        if (dir in seen) break
        seen[dir] = 1
        if (dir in paths) print "\"" paths[dir] "\" is a file and a directory"
      }
    }'
}

# Listing would also find every key that begins like this one.
head_object() {
  ask_s3 read "$work/$1.json" head --raw "s3://$bucket/$key"
  sed -n 's/.*"size":\([0-9]*\).*/\1/p' "$work/$1.json" >"$work/size"
  size=$(cat "$work/size")
  etag=$(sed -n 's/.*"etag":"\([^"]*\)".*/\1/p' "$work/$1.json")
  modified=$(sed -n 's/.*"last_modified":"\([^"]*\)".*/\1/p' "$work/$1.json")
  class=$(sed -n 's/.*"storage_class":"\([^"]*\)".*/\1/p' "$work/$1.json")
  printf '%s\t%s\t%s\t%s\t%s\n' "${size:-0}" "$etag" "$modified" "$class" "${key##*/}" >"$work/$1"
}

# One request of the listing phase; its errors are distinguished by their text, because s5cmd knows one exit code.
ask_s3() { # list|read OUT COMMAND...
  doing=$1 out=$2
  shift 2
  # shellcheck disable=SC2086
  run FLOW "$s5cmd" --json -r 5 $signing "$@" >"$out" 2>"$tmp/error" && return 0
  case $(cat "$tmp/error") in
    *'no object found'*) : >"$out" ;;
    *'given object'*'not found'*) key_not_found ;;
    *) s3_failure 11 ;;
  esac
}

key_not_found() {
  if [ "$doing" = manifest ]; then fail 15 "the manifest $manifest_key is not there"; fi
  below=$("$s5cmd" --json -r 1 $signing ls "s3://$bucket/$key/" 2>/dev/null | head -n 1) || :
  [ -z "$below" ] || fail 12 "$MODEL_SOURCE is not there" "there are objects below it: write $MODEL_SOURCE/"
  fail 12 "$MODEL_SOURCE is not there"
}

nothing_there() {
  [ -z "$MODEL_EXCLUDE" ] || fail 12 "no object below $MODEL_SOURCE is left" 'check source and exclude'
  same=$("$s5cmd" --json -r 1 $signing head --raw "s3://$bucket/${key%/}" 2>/dev/null) || :
  [ -z "$same" ] || fail 12 "no object below $MODEL_SOURCE" "there is one object of that name: write s3://$bucket/${key%/}"
  fail 12 "no object below $MODEL_SOURCE"
}

# Reports the error of s5cmd in TMP/error in the loader's own words. CODE is for errors without a code of their own.
s3_failure() { # CODE
  error=$(sed -n 's/.*"error":"\(.*\)"}$/\1/p' "$tmp/error" | tail -n 1 | sed 's/\\"/"/g; s/\\u0026/\&/g; s/\\u003c/</g; s/\\u003e/>/g')
  error=${error:-$(tail -n 1 "$tmp/error")}
  if [ -s "$tmp/agent-problem" ]; then fail_of_agent; fi
  case $(cat "$tmp/error") in
    *RequestTimeTooSkewed*) fail 11 'the clock of the node is off' 'correct the clock of the node' ;;
    *WebIdentityErr*'status code: 4'*) fail 10 "role ${AWS_ROLE_ARN:-} cannot be assumed: $error" ;;
    *WebIdentityErr*) fail 75 "role ${AWS_ROLE_ARN:-} cannot be assumed: $error" ;;
    *'illegal character code'*) fail 16 "a key below $MODEL_SOURCE has a control character" ;;
    *NoSuchBucket*) fail 11 "there is no bucket $bucket" ;;
    *BucketRegionError* | *PermanentRedirect* | *AuthorizationHeaderMalformed*) wrong_region ;;
    *InvalidObjectState* | *'on Glacier storage'*) fail 14 "$MODEL_SOURCE: $error" 'restore it from Glacier first' ;;
    *'no space left on device'*) no_space_left ;;
    *'permission denied'* | *'read-only file system'* | *'input/output error'* | *'quota exceeded'*) fail 19 "$error" ;;
    *'status code: 403'* | *ExpiredToken* | *InvalidToken*) fail 10 "$MODEL_SOURCE: $error" ;;
    *'x509: '* | *'tls: '*) fail "$1" "$MODEL_SOURCE: TLS: $error" "$untrusted" ;;
    *'no such host'*) fail "$1" "$MODEL_SOURCE: the name of the server does not resolve" ;;
    *'connection refused'*) fail "$1" "$MODEL_SOURCE: the server refuses the connection" ;;
    *) fail "$1" "$MODEL_SOURCE: $error" ;;
  esac
}

wrong_region() {
  right=$(sed -n "s/.*bucket is in '\([a-z0-9-]*\)' region.*/\1/p; s/.*expecting '\([a-z0-9-]*\)'.*/\1/p" "$tmp/error" | head -n 1)
  [ -n "$right" ] || fail 11 "the bucket $bucket is in another region" 'set the region annotation'
  fail 11 "the bucket $bucket is in the region $right" "set the region annotation to $right"
}

refuse_unexpected() {
  problems=
  [ "${expected_objects:-$objects}" = "$objects" ] || problem "$expected_objects objects were expected, $objects are there"
  [ "${expected_bytes:-$bytes}" = "$bytes" ] || problem "$expected_bytes bytes were expected, $bytes are there"
  [ -z "$problems" ] || fail 15 "$problems" 'wait until the upload is complete, or correct expect'
}

# After staging was wiped, and before the first byte.
refuse_too_large() {
  [ -z "$MODEL_SIZE_BYTES" ] || [ "$bytes" -le "$MODEL_SIZE_BYTES" ] ||
    fail 13 "the model has $bytes bytes, its size annotation says $MODEL_SIZE_BYTES" 'correct the size annotation'
  blocks=$(stat -f -c '%a %S' "$MODEL_ROOT")
  free=$((${blocks% *} * ${blocks#* }))
  [ "$bytes" -le "$free" ] || fail 13 "the model needs $bytes bytes ($(format_size "$bytes")), $free ($(format_size "$free")) are free"
}

# --- the copy ------------------------------------------------------------------------------------------------------

# By a list of single objects, not by a pattern: s5cmd would list again, and take whatever is there by then. --raw, because
# a key may have a * of its own.
copy_model() {
  rm -rf "$files"
  try mkdir "$files"
  few_connections_per_object
  BUCKET=$bucket PREFIX=${key%"${key##*/}"} FILES=$files CONNECTIONS=$connections awk -F '\t' '
    function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047" text "\047" }
    {
      from = "s3://" ENVIRON["BUCKET"] "/" ENVIRON["PREFIX"] $5
      print "cp --raw --concurrency " ENVIRON["CONNECTIONS"] " " quoted(from) " " quoted(ENVIRON["FILES"] "/" $5)
    }' "$work/listing" >"$work/commands"
  changed=
  # shellcheck disable=SC2086
  run FLOW "$s5cmd" --json --log error -r 6 --numworkers "$workers" $signing run "$work/commands" >/dev/null 2>"$tmp/error" && return 0
  case $(cat "$tmp/error") in
    *'given object'*'not found'* | *NoSuchKey*) changed='an object' ;;
    *) s3_failure 14 ;;
  esac
}

# Large objects come in parts of 50 MiB, so many at once for each object; small ones come whole, so many objects at once.
few_connections_per_object() {
  if [ "$objects" -le 4 ]; then connections=16 workers=4
  elif [ "$objects" -le 32 ]; then connections=8 workers=8
  else connections=2 workers=64
  fi
}

# s5cmd pins no ETag: parts of an object that is replaced while it is read would be of both. Listing again shows it.
find_change() {
  [ -z "$changed" ] || return 0
  before="$objects $bytes"
  list_model relisting
  objects=${before% *} bytes=${before#* }
  changed=$(RELISTING="$work/relisting" awk '
    BEGIN { while ((getline line <ENVIRON["RELISTING"]) > 0) there[line] = 1 }
    !($0 in there) { split($0, fields, "\t"); print fields[5]; exit }' "$work/listing")
}

verify_files() {
  others=$(find "$files" ! -type d ! -type f | head -n 3)
  [ -z "$others" ] || fail 15 "there is something that is no file: $others"
  awk -F '\t' '{ print $1 "\t./" $5 }' "$work/listing" | sort >"$work/wanted"
  ( cd "$files" && find . -type f -exec stat -c '%s	%n' {} + ) | sort >"$work/received"
  cmp -s "$work/wanted" "$work/received" && return 0
  received=$(awk -F '\t' '{ n++; s += $1 } END { printf "%d files, %.0f bytes", n, s }' "$work/received")
  fail 15 "$objects files, $bytes bytes were listed, $received were received"
}

# --- the manifest --------------------------------------------------------------------------------------------------

read_manifest() {
  [ -n "$manifest_key" ] || return 0
  manifest=${key%"${key##*/}"}$manifest_key
  ask_s3 manifest "$work/manifest.json" head --raw "s3://$bucket/$manifest"
  size=$(sed -n 's/.*"size":\([0-9]*\).*/\1/p' "$work/manifest.json")
  [ "${size:-0}" -le 67108864 ] || fail 15 "the manifest $manifest_key has more than 64 MiB"
  ask_s3 manifest "$work/manifest" cat --raw "s3://$bucket/$manifest"
  found=$(sha256sum <"$work/manifest" | cut -d ' ' -f 1)
  [ "$found" = "$manifest_sha256" ] || fail 15 "the manifest $manifest_key has the SHA-256 $found, not $manifest_sha256"
  problems=$(MANIFEST=$manifest_key LISTING="$work/listing" OUT="$work/sums" awk '
    function take(path) {
      path = substr($0, 67)
      sub(/^\.\//, "", path)
      sub(/\r$/, "", path)
      return path
    }
    BEGIN { while ((getline line <ENVIRON["LISTING"]) > 0) { split(line, fields, "\t"); listed[fields[5]] = 1 }; printf "" >ENVIRON["OUT"] }
    /^[ \t\r]*$/ { next }
    $0 !~ /^[0-9a-f]+ [ *]./ || index($0, " ") != 65 { print "it has a line that is not of sha256sum"; exit }
    {
      path = take()
      named[path] = 1
      if (path in listed) print substr($0, 1, 64) "  ./" path >ENVIRON["OUT"]
      else print path " is missing"
    }
    END { for (path in listed) if (!(path in named) && path != ENVIRON["MANIFEST"]) print path " is not in it" }' "$work/manifest")
  [ -z "$problems" ] || fail 15 "the manifest $manifest_key: $(first_three "$problems")"
}

verify_manifest() {
  [ -n "$manifest_key" ] || return 0
  run WORK check_sums && return 0
  fail 15 "other content than the manifest says: $(first_three "$(sed -n 's/^\.\/\(.*\): FAILED$/\1/p' "$tmp/sums")")"
}

check_sums() {
  cd "$files"
  exec sha256sum -c "$work/sums" >"$tmp/sums" 2>&1
}

# --- publishing ----------------------------------------------------------------------------------------------------

# Everything durable, then one rename: the model is there as a whole or not at all.
publish() {
  set_modes
  rm -rf "$work"
  source=$(printf '%s' "$MODEL_SOURCE" | sed 's/[\"]/\\&/g')
  printf '{"schema":1,"id":"%s","source":"%s","files":%s,"bytes":%s}\n' "$MODEL_ID" "$source" "$objects" "$bytes" >"$tmp/marker.json"
  try cp "$tmp/marker.json" "$staging/marker.json"
  try chmod 0644 "$staging/marker.json"
  run WORK sync_all "$staging" 2>"$tmp/error" || file_failure
  # -T never moves into a directory. rename(2) puts a directory in the place of nothing, or of an empty directory; if
  # another loader was first it does nothing at all.
  if mv -T "$staging" "$published" 2>"$tmp/error"; then
    [ "$(stat -c %i "$published")" = "$inode" ] || fail 70 "$published was copied, not renamed"
    staging=
    sync "$MODEL_ROOT"
    ready "$objects" "$bytes"
  fi
  [ -e "$published" ] || file_failure
  # Another loader's rename came first. Its model is as whole as ours.
  skip_if_published
  fail 18 "$published cannot be replaced"
}

set_modes() {
  if [ "$MODEL_READ_ONLY" = true ]; then directory=0755 file=0644; else directory=0775 file=0664; fi
  try find "$files" -type d -exec chmod "$directory" {} +
  try find "$files" -type f -exec chmod "$file" {} +
  try chmod "$directory" "$staging"
}

sync_all() {
  exec find "$1" -exec sync {} +
}

ready() { # FILES BYTES
  say "ready: $(counted "$1" file), $(format_size "$2") at $published"
  succeed
}

# --- words ---------------------------------------------------------------------------------------------------------

counted() { # COUNT NOUN
  if [ "$1" -eq 1 ]; then printf '%s %s' "$1" "$2"; else printf '%s %ss' "$1" "$2"; fi
}

format_size() {
  awk -v n="$1" 'BEGIN {
    split("bytes KiB MiB GiB TiB", units, " ")
    for (unit = 1; n >= 1024 && unit < 5; unit++) n /= 1024
    printf (unit == 1 || n >= 100 ? "%.0f" : n >= 10 ? "%.1f" : "%.2f") " %s", n, units[unit]
  }'
}

first_three() {
  printf '%s\n' "$1" | awk 'NR <= 3 { printf "%s%s", (NR > 1 ? ", " : ""), $0 } END { if (NR > 3) printf " and %d more", NR - 3 }'
}

main

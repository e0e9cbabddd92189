#!/usr/bin/env bash
# Deploys the Amazon Connect quota monitor: builds it (or takes a package), uploads it, creates or
# updates the stack, and proves that it works. `./deploy.sh --help` tells how. Runs on bash 3.2 and later.
set -euo pipefail

readonly PROGRAM=connect-quota-monitor
# Lambda's provided.al2023 has glibc 2.34.
readonly NEWEST_GLIBC_MINOR=34
readonly LARGEST_UNZIPPED=262144000
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

usage() {
  cat <<'END'
Usage: ./deploy.sh --email you@example.com [options]
       ./deploy.sh --delete [--stack-name NAME] [--region REGION] [--yes]

Deploys the Amazon Connect quota monitor into one account and Region, sends a test alert, makes a dry run
and prints what it found. Running it again updates the stack; options that are not given then keep their
values.

Alerts
  --email ADDRESS             who gets the alerts (its owner must confirm a mail)
  --topic-arn ARN             send to this SNS topic instead of a new one
  --threshold PERCENT         warn at this utilization (80)
  --critical PERCENT          critical at this utilization (95)
  --reminder-hours HOURS      tell an unchanged violation again after this long (24)
Measuring
  --schedule EXPRESSION       rate(...) or cron(...), in UTC (rate(1 hour))
  --lookback-minutes MINUTES  the schedule's interval; follows from a rate(...), give it with a cron(...)
  --pacing account|per-operation
History
  --dynamodb, --no-dynamodb   keep snapshots in a table (yes)
  --s3, --no-s3               keep snapshots in a bucket (no)
  --bucket NAME               keep them in this bucket instead of a new one (implies --s3)
  --history-days DAYS         delete snapshots after this long (90)
  --keep-data, --no-keep-data keep table and bucket when the stack is deleted (yes)
Function
  --zip FILE                  a package that is built already, instead of building one
  --arch arm64|x86_64         what to build for (arm64, or what the stack has)
  --memory MB                 (256)
  --timeout SECONDS           (900)
  --no-reserved-concurrency   for accounts without spare concurrency
  --kms-key-arn ARN           encrypt everything with this customer-managed key
  --create-kms-key            make such a key
  --vpc-id ID, --subnet-ids ID,ID...
                              run in a VPC
  --parameter NAME=VALUE      any other parameter of template.yaml; may be given often
Deployment
  --stack-name NAME           (connect-quota-monitor)
  --region REGION, --profile NAME
  --code-bucket NAME          upload the package to this bucket instead of one made for the stack
  --package-only FILE         build the package, check it, write it to FILE and stop
  --skip-checks               no test alert and no dry run after the deployment
  --delete                    delete the stack; says what is kept
  --yes                       ask nothing
  --dry-run                   print every command instead of running it
  --help
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# ---- Commands: run, or only shown ------------------------------------------------------------------

# Shown commands reach the terminal even where a command's own output is taken or thrown away.
exec 3>&1

show() {
  local text
  text=$(printf ' %q' "$@")
  printf '+%s\n' "$text" >&3
}

# A command that changes something.
run() {
  if [ "$DRY_RUN" = yes ]; then show "$@"; else "$@"; fi
}

# A command whose output is needed: `ask STAND_IN COMMAND...`; a dry run goes on with the stand-in.
ask() {
  local stand_in=$1
  shift
  if [ "$DRY_RUN" = yes ]; then
    show "$@"
    printf '%s\n' "$stand_in"
  else
    "$@"
  fi
}

confirm() {
  [ "$YES" = yes ] || [ "$DRY_RUN" = yes ] && return 0
  [ -t 0 ] || die "$1 Nobody is there to answer: say --yes."
  local answer
  read -r -p "$1 [y/N] " answer
  case $answer in [yY] | [yY][eE][sS]) return 0 ;; *) die "stopped, nothing was changed" ;; esac
}

# ---- Parameters of the stack -----------------------------------------------------------------------

NAMES=()
VALUES=()

# A later value wins.
set_parameter() {
  local i=0
  while [ "$i" -lt "${#NAMES[@]}" ]; do
    if [ "${NAMES[i]}" = "$1" ]; then
      VALUES[i]=$2
      return
    fi
    i=$((i + 1))
  done
  NAMES[i]=$1
  VALUES[i]=$2
}

has_parameter() {
  local i=0
  while [ "$i" -lt "${#NAMES[@]}" ]; do
    [ "${NAMES[i]}" != "$1" ] || return 0
    i=$((i + 1))
  done
  return 1
}

parameter() {
  local i=0
  while [ "$i" -lt "${#NAMES[@]}" ]; do
    [ "${NAMES[i]}" != "$1" ] || printf '%s' "${VALUES[i]}"
    i=$((i + 1))
  done
}

# Character by character: quotes in substitutions differ between versions of bash.
json_string() {
  local text=$1 out='' c i=0
  while [ "$i" -lt "${#text}" ]; do
    c=${text:i:1}
    case $c in
      '"') out="$out\\\"" ;;
      "\\") out="$out\\\\" ;;
      $'\n') out="$out\\n" ;;
      $'\r') out="$out\\r" ;;
      $'\t') out="$out\\t" ;;
      *) out="$out$c" ;;
    esac
    i=$((i + 1))
  done
  printf '"%s"' "$out"
}

# The form that both versions of the AWS CLI read from a file: a list of "NAME=VALUE".
parameters_json() {
  local i=0 comma=''
  printf '['
  while [ "$i" -lt "${#NAMES[@]}" ]; do
    printf '%s\n  %s' "$comma" "$(json_string "${NAMES[i]}=${VALUES[i]}")"
    comma=,
    i=$((i + 1))
  done
  printf '\n]\n'
}

# The interval of a rate(...) in minutes; empty for a cron(...).
rate_minutes() {
  local number unit
  case $1 in rate\(*\)) ;; *) return 0 ;; esac
  number=${1#rate\(}
  number=${number%\)}
  unit=${number#* }
  number=${number%% *}
  case $number in '' | *[!0-9]*) die "--schedule '$1' is no rate such as rate(30 minutes)" ;; esac
  case $unit in
    minute | minutes) ;;
    hour | hours) number=$((number * 60)) ;;
    day | days) number=$((number * 1440)) ;;
    *) die "--schedule '$1' is no rate such as rate(30 minutes)" ;;
  esac
  printf '%s' "$number"
}

set_schedule() {
  local minutes
  set_parameter ScheduleExpression "$1"
  minutes=$(rate_minutes "$1")
  if [ -n "$minutes" ]; then
    case $minutes in
      5 | 10 | 15 | 20 | 30 | 60 | 120 | 180 | 240 | 360 | 480 | 720 | 1440) ;;
      *) die "--schedule '$1' is every $minutes minutes; one of 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720 or 1440 is needed" ;;
    esac
    has_parameter LookbackMinutes || set_parameter LookbackMinutes "$minutes"
  elif ! has_parameter LookbackMinutes; then
    warn "a cron schedule's interval is not known: LookbackMinutes stays as it is, 60 in a new stack; say --lookback-minutes"
  fi
}

# ---- Arguments -------------------------------------------------------------------------------------

STACK=connect-quota-monitor
REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
PROFILE=''
ZIP=''
ARCH=''
SCHEDULE=''
CODE_BUCKET=''
PACKAGE_ONLY=''
DELETE=no
YES=no
DRY_RUN=no
CHECKS=yes

parse_arguments() {
  local option
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in --*=*)
      set -- "${option#*=}" "$@"
      option=${option%%=*}
      ;;
    esac
    case $option in
      --email | --topic-arn | --threshold | --critical | --reminder-hours | --schedule | --lookback-minutes | --pacing | \
        --bucket | --history-days | --zip | --arch | --memory | --timeout | --kms-key-arn | --vpc-id | --subnet-ids | \
        --parameter | --stack-name | --region | --profile | --code-bucket | --package-only)
        [ $# -gt 0 ] || die "$option needs a value (see --help)"
        case $option in
          --email) set_parameter NotificationEmail "$1" ;;
          --topic-arn) set_parameter ExistingTopicArn "$1" ;;
          --threshold) set_parameter ThresholdPercentage "$1" ;;
          --critical) set_parameter CriticalPercentage "$1" ;;
          --reminder-hours) set_parameter ReminderHours "$1" ;;
          --schedule) SCHEDULE=$1 ;;
          --lookback-minutes) set_parameter LookbackMinutes "$1" ;;
          --pacing) set_parameter ConnectPacing "$1" ;;
          --bucket)
            set_parameter ExistingBucketName "$1"
            set_parameter UseS3Storage true
            ;;
          --history-days) set_parameter HistoryRetentionDays "$1" ;;
          --zip) ZIP=$1 ;;
          --arch) ARCH=$1 ;;
          --memory) set_parameter LambdaMemory "$1" ;;
          --timeout) set_parameter LambdaTimeout "$1" ;;
          --kms-key-arn) set_parameter KmsKeyArn "$1" ;;
          --vpc-id) set_parameter VpcId "$1" ;;
          --subnet-ids) set_parameter SubnetIds "$(printf '%s' "$1" | tr -d ' ')" ;;
          --parameter)
            case $1 in ?*=*) set_parameter "${1%%=*}" "${1#*=}" ;; *) die "--parameter '$1' is not NAME=VALUE" ;; esac
            ;;
          --stack-name) STACK=$1 ;;
          --region) REGION=$1 ;;
          --profile) PROFILE=$1 ;;
          --code-bucket) CODE_BUCKET=$1 ;;
          --package-only) PACKAGE_ONLY=$1 ;;
        esac
        shift
        ;;
      --dynamodb) set_parameter UseDynamoDBStorage true ;;
      --no-dynamodb) set_parameter UseDynamoDBStorage false ;;
      --s3) set_parameter UseS3Storage true ;;
      --no-s3)
        set_parameter UseS3Storage false
        set_parameter ExistingBucketName ''
        ;;
      --keep-data) set_parameter RetainData true ;;
      --no-keep-data) set_parameter RetainData false ;;
      --no-reserved-concurrency) set_parameter ReserveConcurrency false ;;
      --create-kms-key) set_parameter CreateKmsKey true ;;
      --skip-checks) CHECKS=no ;;
      --delete) DELETE=yes ;;
      --yes | -y) YES=yes ;;
      --dry-run) DRY_RUN=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) die "unknown option '$option' (see --help)" ;;
    esac
  done
  [ -z "$SCHEDULE" ] || set_schedule "$SCHEDULE"
  case $ARCH in '' | arm64 | x86_64) ;; *) die "--arch '$ARCH' is neither arm64 nor x86_64" ;; esac
  [ -z "$ZIP" ] || [ -r "$ZIP" ] || die "--zip '$ZIP' cannot be read"
  case $STACK in
    [!A-Za-z]* | *[!A-Za-z0-9-]* | '') die "--stack-name '$STACK' must be letters, digits and hyphens, a letter first" ;;
  esac
  local topic
  topic=$(parameter ExistingTopicArn)
  if [ -n "$topic" ] && [ -n "$REGION" ]; then
    case $topic in
      arn:*:sns:"$REGION":*) ;;
      *) die "--topic-arn '$topic' is not in $REGION: CloudWatch alarms reach topics of their own Region only" ;;
    esac
  fi
}

# ---- Prerequisites ---------------------------------------------------------------------------------

AWS=()
ACCOUNT=''
PARTITION=aws

check_aws() {
  command -v aws >/dev/null 2>&1 || die "the AWS CLI is not installed: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
  AWS=(aws)
  [ -z "$PROFILE" ] || AWS=(aws --profile "$PROFILE")
  [ -n "$REGION" ] || REGION=$("${AWS[@]}" configure get region 2>/dev/null || true)
  [ -n "$REGION" ] || die "no Region: say --region (such as --region us-east-1), or set AWS_REGION"
  AWS=("${AWS[@]}" --region "$REGION")
  # Nothing here is for a pager, and a second invocation is not for a lost connection to decide.
  export AWS_PAGER='' AWS_REGION=$REGION
  local arn
  arn=$(ask arn:aws:sts::111122223333:assumed-role/stand-in/stand-in \
    "${AWS[@]}" sts get-caller-identity --query Arn --output text) ||
    die "no AWS credentials that work: try 'aws configure', 'aws sso login', or --profile NAME"
  PARTITION=$(printf '%s' "$arn" | cut -d: -f2)
  ACCOUNT=$(printf '%s' "$arn" | cut -d: -f5)
  say "Account $ACCOUNT, Region $REGION, stack $STACK"
}

check_build_tools() {
  command -v cargo >/dev/null 2>&1 ||
    die "Rust is not installed: see https://rustup.rs, or take a package from the releases page and say --zip FILE"
  cargo lambda --version >/dev/null 2>&1 ||
    die "cargo-lambda is not installed: 'pip install cargo-lambda' or see https://www.cargo-lambda.info, or say --zip FILE"
}

# ---- Package ---------------------------------------------------------------------------------------

WORK=''

build() {
  local flag=--arm64
  [ "$ARCH" = arm64 ] || flag=--x86-64
  say "Building for $ARCH (this takes some minutes the first time)"
  # Without the sources of credentials that only a person has.
  run cargo lambda build --manifest-path "$HERE/Cargo.toml" --bin "$PROGRAM" --profile "${BUILD_PROFILE:-release}" \
    --locked --no-default-features \
    "$flag" --output-format zip --lambda-dir "$WORK/lambda"
  ZIP=$WORK/lambda/$PROGRAM/bootstrap.zip
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# Says what the package is, and refuses one that Lambda could not run.
KEY=''
check_package() {
  if [ "$DRY_RUN" = yes ] && [ ! -r "$ZIP" ]; then
    KEY=$PROGRAM/SHA256.zip
    return
  fi
  local machine minor size
  unzip -l "$ZIP" bootstrap >/dev/null 2>&1 || die "$ZIP is no package for Lambda: it holds no file 'bootstrap'"
  unzip -p "$ZIP" bootstrap >"$WORK/bootstrap"
  machine=$(od -An -tx1 -j18 -N2 "$WORK/bootstrap" | tr -d ' \n')
  case $machine in
    b700) machine=arm64 ;;
    3e00) machine=x86_64 ;;
    *) die "$ZIP: 'bootstrap' is no Linux program for arm64 or x86_64" ;;
  esac
  [ -z "$ARCH" ] || [ "$ARCH" = "$machine" ] || die "$ZIP is for $machine, not for $ARCH"
  ARCH=$machine
  minor=$(LC_ALL=C grep -a -o 'GLIBC_2\.[0-9]*' "$WORK/bootstrap" | cut -d. -f2 | sort -n | tail -n 1 || true)
  if [ -n "$minor" ] && [ "$minor" -gt "$NEWEST_GLIBC_MINOR" ]; then
    die "$ZIP needs glibc 2.$minor, and Lambda has 2.$NEWEST_GLIBC_MINOR: build it with cargo-lambda"
  fi
  size=$(wc -c <"$WORK/bootstrap" | tr -d ' ')
  [ "$size" -le "$LARGEST_UNZIPPED" ] || die "$ZIP is $size bytes unzipped, and Lambda takes $LARGEST_UNZIPPED"
  say "Package for $ARCH, $(wc -c <"$ZIP" | tr -d ' ') bytes zipped, $size unzipped, needs glibc 2.${minor:-0}"
  # The content's hash, not the archive's, whose times change with every build.
  KEY=$PROGRAM/$(unzip -p "$ZIP" | sha256).zip
}

# ---- Bucket for the package ------------------------------------------------------------------------

# One for each account, Region and stack: two stacks never share what one of them deletes.
default_code_bucket() {
  local tail=-$ACCOUNT-$REGION name room
  name=$(printf '%s' "$STACK" | tr '[:upper:]' '[:lower:]')
  room=$((63 - ${#tail} - 5))
  if [ "${#name}" -gt "$room" ]; then
    name=${name:0:$((room - 9))}-$(printf '%s' "$STACK" | sha256 | cut -c1-8)
  fi
  printf '%s-code%s' "$name" "$tail"
}

make_code_bucket() {
  local policy
  # The owner is checked, because whoever guesses the name could have made the bucket first.
  if [ "$DRY_RUN" != yes ] &&
    "${AWS[@]}" s3api head-bucket --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" >/dev/null 2>&1; then
    return
  fi
  say "Making the private bucket $CODE_BUCKET for the package"
  if [ "$REGION" = us-east-1 ]; then
    run "${AWS[@]}" s3api create-bucket --bucket "$CODE_BUCKET" >/dev/null
  else
    run "${AWS[@]}" s3api create-bucket --bucket "$CODE_BUCKET" --create-bucket-configuration "LocationConstraint=$REGION" >/dev/null
  fi
  run "${AWS[@]}" s3api put-public-access-block --bucket "$CODE_BUCKET" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  policy='{"Version":"2012-10-17","Statement":[{"Sid":"OnlyTls","Effect":"Deny","Principal":"*","Action":"s3:*",'
  policy=$policy'"Resource":["arn:'$PARTITION':s3:::'$CODE_BUCKET'","arn:'$PARTITION':s3:::'$CODE_BUCKET'/*"],'
  policy=$policy'"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
  run "${AWS[@]}" s3api put-bucket-policy --bucket "$CODE_BUCKET" --policy "$policy"
  run "${AWS[@]}" s3api put-bucket-tagging --bucket "$CODE_BUCKET" --tagging "TagSet=[{Key=$PROGRAM:code-of-stack,Value=$STACK}]"
}

upload() {
  local own
  own=$(default_code_bucket)
  # A bucket that was given once stays.
  [ -n "$CODE_BUCKET" ] || [ -z "$STATUS" ] || CODE_BUCKET=$(stack_parameter CodeS3Bucket)
  CODE_BUCKET=${CODE_BUCKET:-$own}
  [ "$CODE_BUCKET" != "$own" ] || make_code_bucket
  if [ "$DRY_RUN" != yes ] && "${AWS[@]}" s3api head-object --bucket "$CODE_BUCKET" --key "$KEY" >/dev/null 2>&1; then
    say "This very package is in s3://$CODE_BUCKET already"
    return
  fi
  say "Uploading to s3://$CODE_BUCKET/$KEY"
  run "${AWS[@]}" s3api put-object --bucket "$CODE_BUCKET" --key "$KEY" --body "$ZIP" >/dev/null ||
    die "the package could not be uploaded to s3://$CODE_BUCKET"
}

# ---- Stack -----------------------------------------------------------------------------------------

# `stack_query STAND_IN QUERY`
stack_query() {
  ask "$1" "${AWS[@]}" cloudformation describe-stacks --stack-name "$STACK" --query "$2" --output text
}

# Empty where there is no such stack.
stack_status() {
  local answer
  if answer=$(stack_query "$1" 'Stacks[0].StackStatus' 2>&1); then
    printf '%s' "$answer"
  else
    case $answer in *"does not exist"*) ;; *) die "the stack cannot be looked at: $answer" ;; esac
  fi
}

output() { stack_query "<$1>" "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]"; }

stack_parameter() { stack_query '' "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue | [0]"; }

# Empty where the stack has no such resource.
physical_id() {
  local id
  id=$(ask "<$1>" "${AWS[@]}" cloudformation list-stack-resources --stack-name "$STACK" --output text \
    --query "StackResourceSummaries[?LogicalResourceId=='$1'].PhysicalResourceId | [0]")
  [ "$id" = None ] || printf '%s' "$id"
}

show_failures() {
  say "What failed, newest first:" >&2
  "${AWS[@]}" cloudformation describe-stack-events --stack-name "$STACK" --output text --query \
    "StackEvents[?contains(ResourceStatus, 'FAILED') && !contains(ResourceStatusReason || '', 'cancelled')] | [:10].[LogicalResourceId, ResourceStatus, ResourceStatusReason]" >&2 || true
}

# Leaves a stack that can be created or updated, or stops.
prepare_stack() {
  STATUS=$(stack_status '')
  case $STATUS in
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
      confirm "Stack $STACK is left over from a failure ($STATUS) and must be deleted first. Delete it?"
      delete_stack
      STATUS=''
      ;;
    *_IN_PROGRESS)
      [ "$STATUS" = REVIEW_IN_PROGRESS ] || die "stack $STACK is busy ($STATUS): try again when that is over"
      ;;
    UPDATE_ROLLBACK_FAILED)
      die "stack $STACK is in UPDATE_ROLLBACK_FAILED: 'aws cloudformation continue-update-rollback --stack-name $STACK' first"
      ;;
  esac
  if [ -z "$ARCH" ] && [ -n "$STATUS" ] && [ -z "$ZIP" ]; then
    ARCH=$(stack_parameter Architecture)
  fi
  case $ARCH in arm64 | x86_64) ;; *) [ -n "$ZIP" ] || ARCH=arm64 ;; esac
  # An account may have no execution to spare: Lambda keeps 100 of them unreserved.
  if [ -z "$STATUS" ] && ! has_parameter ReserveConcurrency; then
    local spare
    spare=$(ask 1000 "${AWS[@]}" lambda get-account-settings --query AccountLimit.UnreservedConcurrentExecutions --output text 2>/dev/null) || spare=''
    case $spare in
      '' | *[!0-9]*) ;;
      *)
        if [ "$spare" -le 100 ]; then
          warn "this account has only $spare unreserved concurrent executions: none is reserved for the monitor"
          set_parameter ReserveConcurrency false
        fi
        ;;
    esac
  fi
}

check_key() {
  local key policy service
  key=$(parameter KmsKeyArn)
  [ -n "$key" ] || return 0
  policy=$(ask 'cloudwatch.amazonaws.com events.amazonaws.com logs.' \
    "${AWS[@]}" kms get-key-policy --key-id "$key" --policy-name default --query Policy --output text) || {
    warn "the policy of $key cannot be read; docs/OPERATIONS.md says what it must hold"
    return 0
  }
  for service in cloudwatch.amazonaws.com events.amazonaws.com logs.; do
    case $policy in
      *"$service"*) ;;
      *) warn "the policy of $key does not name $service: its messages will be lost (see docs/OPERATIONS.md, Encryption)" ;;
    esac
  done
}

deploy_stack() {
  set_parameter CodeS3Bucket "$CODE_BUCKET"
  set_parameter CodeS3Key "$KEY"
  set_parameter Architecture "${ARCH:-arm64}"
  parameters_json >"$WORK/parameters.json"
  if [ "$DRY_RUN" = yes ]; then
    say "$WORK/parameters.json would hold:"
    cat "$WORK/parameters.json"
  else
    say "Deploying stack $STACK (two or three minutes for a new one)"
  fi
  # Through the bucket, because the API itself takes no template of this size.
  if ! run "${AWS[@]}" cloudformation deploy --stack-name "$STACK" --template-file "$HERE/template.yaml" \
    --s3-bucket "$CODE_BUCKET" --s3-prefix "$PROGRAM" \
    --parameter-overrides "file://$WORK/parameters.json" --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset; then
    show_failures
    die "stack $STACK was not deployed"
  fi
}

# ---- Proof that it works ---------------------------------------------------------------------------

# `invoke PAYLOAD FILE`: the answer goes to the file; fails with the function's own error.
invoke() {
  local error
  printf '%s' "$1" >"$WORK/payload.json"
  error=$(ask None env AWS_MAX_ATTEMPTS=1 "${AWS[@]}" lambda invoke --function-name "$FUNCTION" --cli-read-timeout 910 \
    --payload "fileb://$WORK/payload.json" --query FunctionError --output text "$2") || return 1
  [ "$error" = None ] || {
    cat "$2" >&2
    printf '\n' >&2
    return 1
  }
}

# Reads `"name":value` of a flat JSON value.
field() { sed -nE 's/.*"'"$1"'":("[^"]*"|[^],}"]*).*/\1/p' | head -n 1 | sed -E 's/^"//; s/"$//; s/^([0-9]+)\.0$/\1/'; }

# One line for each object of the answer: the rows hold no objects, so that they stay whole.
rows() { tr '{' '\n' <"$1"; }

summary() {
  local answer=$1 statuses violations unseen line shown=0
  statuses=$(grep -oE '"status":"(complete|partial|failed|skipped)"' "$answer" | cut -d'"' -f4 | sort | uniq -c |
    awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }') || true
  say "  Instances and the account: ${statuses:-none}. Violations: $(field violations <"$answer"). Took $(field duration_ms <"$answer") ms."
  violations=$(rows "$answer" | grep '"quota_code"' | grep -E '"status":"(warning|critical)"' || true)
  unseen=$(grep -oE '"operation":"[^"]*"' "$answer" | cut -d'"' -f4 | sort -u | sed 's/^/  not seen: /' || true)
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    shown=$((shown + 1))
    [ "$shown" -le 20 ] || continue
    say "  $(printf '%s' "$line" | field status): $(printf '%s' "$line" | field quota_name), $(printf '%s' "$line" | field usage) of $(printf '%s' "$line" | field limit) ($(printf '%s' "$line" | field utilization) %)"
  done <<END
$violations
END
  [ "$shown" -le 20 ] || say "  and $((shown - 20)) more"
  [ -z "$unseen" ] || say "$unseen"
}

check_deployment() {
  FUNCTION=$(output FunctionName)
  say "Sending a test alert"
  invoke '{"test_alert":true}' "$WORK/test.json" || die "the function could not send the test alert: see above"
  say "Measuring once, without storing or sending anything"
  invoke '{"dry_run":true}' "$WORK/run.json" || die "the dry run failed: see above"
  [ "$DRY_RUN" = yes ] || summary "$WORK/run.json"
}

report_subscription() {
  local email topic subscriptions arn endpoint found=''
  topic=$(output TopicArn)
  say "Alerts go to $topic"
  email=$(stack_parameter NotificationEmail)
  [ -n "$email" ] || return 0
  subscriptions=$(ask '' "${AWS[@]}" sns list-subscriptions-by-topic --topic-arn "$topic" --output text \
    --query 'Subscriptions[].[SubscriptionArn, Endpoint]' || true)
  while read -r arn endpoint; do
    [ "$endpoint" != "$email" ] || found=$arn
  done <<END
$subscriptions
END
  case $found in
    arn:*) say "$email is subscribed." ;;
    *)
      say "$email is NOT SUBSCRIBED YET: open the mail 'AWS Notification - Subscription Confirmation' and follow its link."
      say "Then run this script again, or invoke the function with {\"test_alert\":true}, to get a test alert."
      ;;
  esac
}

# ---- Deleting --------------------------------------------------------------------------------------

delete_stack() {
  run "${AWS[@]}" cloudformation delete-stack --stack-name "$STACK"
  if ! run "${AWS[@]}" cloudformation wait stack-delete-complete --stack-name "$STACK"; then
    show_failures
    die "stack $STACK was not deleted"
  fi
}

empty_bucket() { run "${AWS[@]}" s3 rm "s3://$1" --recursive --only-show-errors; }

# The alarms that the function keeps are no part of the stack: the function removes them, before it goes.
remove_alarms() {
  local found
  found=$(ask None "${AWS[@]}" cloudwatch describe-alarms --alarm-types MetricAlarm --alarm-name-prefix "$STACK/$REGION/" \
    --max-records 1 --no-paginate --query 'MetricAlarms[0].AlarmName' --output text) || found=None
  [ "$found" != None ] || return 0
  FUNCTION=$(output FunctionName)
  if invoke '{"remove_api_alarms":true}' "$WORK/alarms.json"; then
    say "Removed $(field deleted <"$WORK/alarms.json") alarms"
  else
    say "Kept: alarms whose names begin with $STACK/$REGION/, because the function could not remove them."
  fi
}

delete_everything() {
  local rule bucket table kept_bucket key owner
  STATUS=$(stack_status CREATE_COMPLETE)
  if [ -n "$STATUS" ]; then
    confirm "Delete stack $STACK in $REGION of account $ACCOUNT?"
    rule=$(physical_id Schedule)
    bucket=$(physical_id DisposableHistoryBucket)
    kept_bucket=$(physical_id HistoryBucket)
    table=$(physical_id SnapshotsTable)
    key=$(physical_id Key)
    # A run that starts now would write into the bucket that is being emptied.
    [ -z "$rule" ] || run "${AWS[@]}" events disable-rule --name "$rule"
    remove_alarms
    [ -z "$bucket" ] || empty_bucket "$bucket"
    say "Deleting stack $STACK"
    delete_stack
    say "Stack $STACK is deleted."
    [ -z "$table" ] || say "Kept: table $table. To delete it: aws dynamodb delete-table --region $REGION --table-name $table"
    [ -z "$kept_bucket" ] || say "Kept: bucket $kept_bucket. To delete it: aws s3 rb --region $REGION --force s3://$kept_bucket"
    [ -z "$key" ] || say "Kept: key $key. To delete it, and with it all that it encrypted: aws kms schedule-key-deletion --region $REGION --key-id $key"
  else
    say "There is no stack $STACK in $REGION."
  fi
  # Only the bucket that this script made for this stack, which its tag tells.
  if [ -n "$CODE_BUCKET" ]; then
    say "Kept: the package in s3://$CODE_BUCKET/$PROGRAM/"
    return
  fi
  CODE_BUCKET=$(default_code_bucket)
  owner=$(code_bucket_owner) || owner=''
  if [ "$owner" = "$STACK" ]; then
    empty_bucket "$CODE_BUCKET"
    run "${AWS[@]}" s3api delete-bucket --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT"
    say "Deleted the bucket of its packages, $CODE_BUCKET"
  fi
}

code_bucket_owner() {
  ask "$STACK" "${AWS[@]}" s3api get-bucket-tagging --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" --output text \
    --query "TagSet[?Key=='$PROGRAM:code-of-stack'].Value | [0]" 2>/dev/null
}

# ---- From the top ----------------------------------------------------------------------------------

main() {
  parse_arguments "$@"
  trap '[ -z "$WORK" ] || rm -rf "$WORK"' EXIT
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/$PROGRAM.XXXXXX")
  if [ -n "$PACKAGE_ONLY" ]; then
    if [ -z "$ZIP" ]; then
      ARCH=${ARCH:-arm64}
      check_build_tools
      build
    fi
    check_package
    run cp "$ZIP" "$PACKAGE_ONLY"
    return
  fi
  check_aws
  if [ "$DELETE" = yes ]; then
    delete_everything
    return
  fi
  command -v unzip >/dev/null 2>&1 || die "unzip is not installed, and the package must be looked into"
  [ -n "$ZIP" ] || check_build_tools
  prepare_stack
  check_key
  [ -n "$ZIP" ] || build
  check_package
  upload
  deploy_stack
  [ "$CHECKS" = no ] || check_deployment
  report_subscription
  [ "$DRY_RUN" = yes ] || say "Logs: $(output LogsCommand)"
}

# On one line, so that nothing is read any more when the file has changed meanwhile.
main "$@"; exit

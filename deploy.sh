#!/usr/bin/env bash
# Deploys the Amazon Connect quota monitor: builds it (or takes a package), uploads it, creates or
# updates the stack, and proves that it works. `./deploy.sh --help` tells how. Runs on bash 3.2 and later.
# What is refused, interrupted or out of credentials on the way is undone or named, and running it again
# ends with a working monitor.
set -euo pipefail

readonly PROGRAM=connect-quota-monitor
# Where releases are. A release's own copy of this script has it here; else Cargo.toml's `repository` counts.
readonly REPOSITORY=
# Lambda's provided.al2023 has glibc 2.34.
readonly NEWEST_GLIBC_MINOR=34
readonly LARGEST_UNZIPPED=262144000
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

usage() {
  cat <<'END'
Usage: ./deploy.sh --email you@example.com [options]
       ./deploy.sh --delete [--stack-name NAME] [--region REGION] [--yes]
       ./deploy.sh --fleet --email you@example.com [options]
       ./deploy.sh --fleet --delete [--stack-name NAME] [--region REGION] [--yes]

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
  --release latest|vX.Y.Z     fetch and verify a release's package and template, instead of building
  --arch arm64|x86_64         what to build for (arm64, or what the stack has)
  --memory MB                 (256)
  --timeout SECONDS           (900)
  --no-reserved-concurrency   let runs overlap (a new stack reserves one execution where there is room)
  --kms-key-arn ARN           encrypt everything with this customer-managed key
  --create-kms-key            make such a key
  --vpc-id ID, --subnet-ids ID,ID...
                              run in a VPC
  --parameter NAME=VALUE      any other parameter of template.yaml; may be given often
A fleet (docs/FLEET.md)
  --fleet                     deploy the hub, which measures many accounts and Regions, instead of a monitor
  --organization-id ID        let roles in, and take roles, within this organization only
  --external-id TEXT          state this where a role is taken, and demand it there
  --ous ID,ID...              only the accounts of these organizational units (all)
  --exclude-accounts ID,ID... not these accounts
  --fleet-regions NAME,NAME...
                              only these Regions (all that are switched on)
  --roles print|deploy        print the commands that make the role in the accounts, or run them (print)
Deployment
  --stack-name NAME           (connect-quota-monitor, or connect-quota-monitor-fleet)
  --region REGION, --profile NAME
  --code-bucket NAME          upload the package to this bucket instead of one made for the stack
  --tags KEY=VALUE            tag the stack and what it makes; may be given often
  --role-arn ARN              the role that CloudFormation takes to make and delete the stack
  --package-only FILE         build the package, check it, write it to FILE and stop
  --skip-checks               no test alert, no dry run and no doctor after the deployment
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
exec 3>&1 4>&2

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

# ---- What stands half done -------------------------------------------------------------------------

WORK=''
# Told when the script ends too early: what is there, and what to do about it.
HALF_DONE=''
# The schedule's rule, from the moment it is switched off until its stack's deletion is accepted.
SWITCHED_OFF=''
# What a deletion keeps, with the commands that delete it.
KEPT=''

# shellcheck disable=SC2329 # By a trap.
switch_on() {
  if run "${AWS[@]}" events enable-rule --name "$SWITCHED_OFF"; then
    warn "the schedule $SWITCHED_OFF is switched on again"
  else
    warn "the schedule $SWITCHED_OFF may be OFF, and then nobody watches the quotas: run this script without --delete, or 'aws events enable-rule --region $REGION --name $SWITCHED_OFF'"
  fi
}

# shellcheck disable=SC2329 # By a trap.
finish() {
  local status=$?
  # Whatever was taken or thrown away when the signal came.
  exec >&3 2>&4
  # A second Ctrl-C must not leave the schedule off.
  trap '' INT TERM HUP
  trap - EXIT
  [ -z "$SWITCHED_OFF" ] || switch_on
  if [ "$status" != 0 ]; then
    [ -z "$HALF_DONE" ] || warn "$HALF_DONE"
    [ -z "$KEPT" ] || printf '%s\n' "$KEPT" >&2
  fi
  [ -z "$WORK" ] || rm -rf "$WORK"
  exit "$status"
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

STACK=''
REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
PROFILE=''
ZIP=''
ARCH=''
RELEASE=''
TAGS=''
ROLE_ARN=''
SCHEDULE=''
CODE_BUCKET=''
PACKAGE_ONLY=''
DELETE=no
YES=no
DRY_RUN=no
CHECKS=yes
FLEET=no
ROLES=''

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
        --parameter | --stack-name | --region | --profile | --code-bucket | --package-only | --release | --tags | --role-arn | \
        --organization-id | --external-id | --ous | --exclude-accounts | --fleet-regions | --roles)
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
            case $1 in
              CodeS3Bucket=* | CodeS3Key=* | Architecture=*) die "--parameter '$1': say --code-bucket, --zip or --arch" ;;
              CodeS3BucketPrefix=*) die "--parameter '$1' is for StackSets: this script takes one bucket, with --code-bucket" ;;
              ?*=*) set_parameter "${1%%=*}" "${1#*=}" ;;
              *) die "--parameter '$1' is not NAME=VALUE" ;;
            esac
            ;;
          --stack-name) STACK=$1 ;;
          --region) REGION=$1 ;;
          --profile) PROFILE=$1 ;;
          --code-bucket) CODE_BUCKET=$1 ;;
          --package-only) PACKAGE_ONLY=$1 ;;
          --release) RELEASE=$1 ;;
          --tags)
            case $1 in ?*=*) TAGS=$TAGS$1$'\n' ;; *) die "--tags '$1' is not KEY=VALUE" ;; esac
            ;;
          --role-arn) ROLE_ARN=$1 ;;
          --organization-id) set_parameter OrganizationId "$1" ;;
          --external-id) set_parameter FleetExternalId "$1" ;;
          --ous) set_parameter FleetOus "$(printf '%s' "$1" | tr -d ' ')" ;;
          --exclude-accounts) set_parameter FleetExcludeAccounts "$(printf '%s' "$1" | tr -d ' ')" ;;
          --fleet-regions) set_parameter FleetRegions "$(printf '%s' "$1" | tr -d ' ')" ;;
          --roles) ROLES=$1 ;;
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
      --fleet) FLEET=yes ;;
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
  [ "$FLEET" = yes ] || [ -z "$ROLES" ] || die "--roles is for a fleet: say --fleet too"
  case $ROLES in '' | print | deploy) ;; *) die "--roles '$ROLES' is neither print nor deploy" ;; esac
  if [ -z "$STACK" ]; then
    STACK=connect-quota-monitor
    [ "$FLEET" = no ] || STACK=$STACK-fleet
  fi
  case $ARCH in '' | arm64 | x86_64) ;; *) die "--arch '$ARCH' is neither arm64 nor x86_64" ;; esac
  [ -z "$ZIP" ] || [ -r "$ZIP" ] || die "--zip '$ZIP' cannot be read"
  case $RELEASE in
    '' | latest) ;;
    v[0-9]*) case $RELEASE in *[!A-Za-z0-9.+-]*) die "--release '$RELEASE' is neither latest nor a version such as v1.2.3" ;; esac ;;
    *) die "--release '$RELEASE' is neither latest nor a version such as v1.2.3" ;;
  esac
  [ -z "$RELEASE" ] || [ -z "$ZIP" ] || die "--release and --zip exclude each other"
  case $STACK in
    [!A-Za-z]* | *[!A-Za-z0-9-]*) die "--stack-name '$STACK' must be letters, digits and hyphens, a letter first" ;;
  esac
  [ "${#STACK}" -le 128 ] || die "--stack-name '$STACK' is longer than 128 characters"
}

# ---- Values that CloudFormation, or the function, would refuse later --------------------------------

TEMPLATE=$HERE/template.yaml
CAPABILITY=CAPABILITY_IAM

check_template() {
  [ -r "$TEMPLATE" ] || die "${TEMPLATE#"$HERE/"} is not beside this script: take it from the release too, or say --release latest"
}

# `one_of VALUE LIST`, the list as YAML writes it: [a, "b", 3]
one_of() {
  local value=$1 rest=${2#[} item comma=,
  rest=${rest%]},
  while [ -n "$rest" ]; do
    item=${rest%%"$comma"*}
    rest=${rest#*"$comma"}
    item=${item# }
    item=${item#\"}
    [ "${item%\"}" != "$value" ] || return 0
  done
  return 1
}

matches() { [[ $1 =~ $2 ]]; }

# By the template's own constraints. Only the shell reads it, because nothing else is sure to be installed.
check_parameter() {
  local name=$1 value=$2 line part=before key text status=0
  local type='' pattern='' allowed='' least='' most='' longest='' shortest='' must=''
  local LC_ALL=C
  while IFS= read -r line; do
    case $part:$line in
      before:Parameters:) part=parameters ;;
      before:*) ;;
      parameters:"  $name:") part=found ;;
      parameters:[!\ #]* | found:[!\ #]* | found:'  '[A-Z]*) break ;;
      found:'    '[A-Z]*': '*)
        text=${line#    }
        key=${text%%: *}
        text=${text#*: }
        case $key in
          Type) type=$text ;;
          AllowedPattern) pattern=$text ;;
          AllowedValues) allowed=$text ;;
          MinValue) least=$text ;;
          MaxValue) most=$text ;;
          MinLength) shortest=$text ;;
          MaxLength) longest=$text ;;
          ConstraintDescription) must=$text ;;
        esac
        ;;
    esac
  done <"$TEMPLATE"
  [ -n "$type" ] || die "there is no parameter $name in ${TEMPLATE##*/}$(similar_parameter "$name")"
  if [ -n "$allowed" ]; then
    one_of "$value" "$allowed" || die "$name '$value' must be one of $allowed"
  fi
  if [ -n "$pattern" ]; then
    pattern=${pattern//\\s/[:space:]}
    # 2: a pattern that this system cannot read. CloudFormation will.
    matches "$value" "$pattern" || status=$?
    [ "$status" != 1 ] || die "$name '$value' ${must:-must match $pattern}"
  fi
  if [ "$type" = Number ] && [ -z "$allowed" ]; then
    case $value in '' | *[!0-9]* | ??????????*) die "$name '$value' must be a whole number from ${least:-0} to ${most:-999999999}" ;; esac
    [ -z "$least" ] || [ "$value" -ge "$least" ] || die "$name '$value' must be a whole number from $least to $most"
    [ -z "$most" ] || [ "$value" -le "$most" ] || die "$name '$value' must be a whole number from $least to $most"
  fi
  [ -z "$longest" ] || [ "${#value}" -le "$longest" ] || die "$name is longer than $longest characters"
  [ -z "$shortest" ] || [ "${#value}" -ge "$shortest" ] || die "$name must not be empty"
}

similar_parameter() {
  local wanted line part=before
  wanted=$(printf '%s' "$1" | tr '[:upper:]' '[:lower:]')
  while IFS= read -r line; do
    case $part:$line in
      before:Parameters:) part=parameters ;;
      parameters:'  '[A-Z]*:)
        line=${line#  }
        line=${line%:}
        [ "$(printf '%s' "$line" | tr '[:upper:]' '[:lower:]')" != "$wanted" ] || printf '; is %s meant?' "$line"
        ;;
      parameters:[!\ #]*) break ;;
    esac
  done <"$TEMPLATE"
}

check_parameters() {
  local i=0
  check_template
  while [ "$i" -lt "${#NAMES[@]}" ]; do
    check_parameter "${NAMES[i]}" "${VALUES[i]}"
    i=$((i + 1))
  done
}

# The value that the stack will have; empty where it is the template's own.
coming() {
  if has_parameter "$1"; then parameter "$1"; else stack_value parameter "$1"; fi
}

# The template's rules, before a bucket is made, and what it cannot know: this account and Region.
check_rules() {
  local topic given=0 name threshold critical arn
  topic=$(coming ExistingTopicArn)
  case $topic in
    '' | arn:*:sns:"$REGION":*) ;;
    *) die "--topic-arn '$topic' is not in $REGION: CloudWatch alarms reach topics of their own Region only" ;;
  esac
  [ -z "$topic" ] || [ "$topic" != "$(coming EventsTopicArn)" ] || die "EventsTopicArn '$topic' is the topic of the alerts: programs need another one"
  arn=$(coming KmsKeyArn)
  case $arn in '' | arn:*:kms:"$REGION":*) ;; *) die "KmsKeyArn '$arn' is not in $REGION" ;; esac
  [ -z "$(coming KmsKeyArn)" ] || [ "$(coming CreateKmsKey)" != true ] || die "--kms-key-arn and --create-kms-key exclude each other"
  if [ -n "$(coming VpcId)" ]; then
    [ -n "$(coming SubnetIds)" ] || die "--vpc-id needs --subnet-ids"
  else
    [ -z "$(coming SubnetIds)" ] || die "--subnet-ids need --vpc-id"
  fi
  [ -z "$(coming ExistingBucketName)" ] || [ "$(coming UseS3Storage)" = true ] || die "ExistingBucketName needs UseS3Storage=true"
  for name in QuotaOverrides QuotaOverridesParameter QuotaOverridesObject; do
    [ -z "$(coming "$name")" ] || given=$((given + 1))
  done
  [ "$given" -le 1 ] || die "give only one of QuotaOverrides, QuotaOverridesParameter and QuotaOverridesObject"
  threshold=$(coming ThresholdPercentage)
  critical=$(coming CriticalPercentage)
  [ -z "$critical" ] || [ "$critical" -ge "${threshold:-80}" ] ||
    die "--critical $critical is below --threshold ${threshold:-80}"
}

# `check_bucket WHAT NAME`: of this account and Region, or refused.
check_bucket() {
  local location
  location=$(ask "$REGION" "${AWS[@]}" s3api get-bucket-location --bucket "$2" --expected-bucket-owner "$ACCOUNT" \
    --query LocationConstraint --output text) ||
    die "$1 '$2' does not exist, is another account's, or may not be looked at (s3:GetBucketLocation): see above"
  case $location in
    None | '') location=us-east-1 ;;
    EU) location=eu-west-1 ;;
  esac
  [ "$location" = "$REGION" ] || die "$1 '$2' is in $location, not in $REGION"
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
  case $REGION in
    [a-z][a-z]*-[a-z]*-[0-9] | [a-z][a-z]*-[a-z]*-[0-9][0-9]) ;;
    *) die "'$REGION' is no Region: say one such as --region us-east-1" ;;
  esac
  local arn error
  if ! arn=$(ask arn:aws:sts::111122223333:assumed-role/stand-in/stand-in \
    "${AWS[@]}" sts get-caller-identity --query Arn --output text 2>"$WORK/error"); then
    error=$(cat "$WORK/error")
    case $error in
      *'Could not connect'* | *'Could not resolve'* | *'Name or service not known'*)
        die "there is no Region '$REGION', or AWS cannot be reached from here: $error"
        ;;
    esac
    die "no AWS credentials that work: try 'aws configure', 'aws sso login', or --profile NAME. AWS says: $error"
  fi
  PARTITION=$(printf '%s' "$arn" | cut -d: -f2)
  ACCOUNT=$(printf '%s' "$arn" | cut -d: -f5)
  say "Account $ACCOUNT, Region $REGION, stack $STACK"
}

# How many there are; empty where that cannot be known.
INSTANCES=''
check_connect() {
  local error ids
  if ids=$(ask stand-in "${AWS[@]}" connect list-instances --query 'InstanceSummaryList[].Id' --output text \
    2>"$WORK/error"); then
    # shellcheck disable=SC2086 # Ids hold no blanks: each is a word.
    set -- $ids
    [ "${1:-None}" != None ] || shift $#
    INSTANCES=$#
    [ "$INSTANCES" != 0 ] || warn "there is no Amazon Connect instance in $REGION of account $ACCOUNT yet: the monitor waits for the first one"
    return
  fi
  error=$(cat "$WORK/error")
  case $error in
    *'Could not connect'* | *'Could not resolve'* | *'Name or service not known'*)
      die "Amazon Connect is not offered in $REGION: nothing was made. AWS says: $error"
      ;;
  esac
  warn "whether there is an Amazon Connect instance in $REGION cannot be seen: $error"
}

# Of one event selector of a trail with management events: `All`, `ReadOnly`, `WriteOnly`; of an advanced one `both`,
# or `true` or `false` for what its field readOnly must be.
readonly MANAGEMENT_EVENTS="[EventSelectors[?IncludeManagementEvents].ReadWriteType, AdvancedEventSelectors[?FieldSelectors[?Field=='eventCategory' && Equals[0]=='Management']].[FieldSelectors[?Field=='readOnly'].Equals[0] | ([0] || 'both')][]][]"

# EventBridge gets calls from a trail. Without one the watches on throttled calls see nothing, and none is made here.
check_trail() {
  local trails arn logging kind reads=no writes=no
  if [ "$(coming WatchThrottling)" = false ] || [ "$(coming UseDynamoDBStorage)" = false ]; then return; fi
  if ! trails=$(ask stand-in "${AWS[@]}" cloudtrail describe-trails --query 'trailList[].TrailARN' --output text 2>"$WORK/error"); then
    warn "whether a trail logs calls in $REGION cannot be seen: $(cat "$WORK/error")"
    return
  fi
  for arn in $trails; do
    [ "$arn" != None ] || continue
    if ! logging=$(ask True "${AWS[@]}" cloudtrail get-trail-status --name "$arn" --query IsLogging --output text 2>"$WORK/error") ||
      ! kind=$(ask All "${AWS[@]}" cloudtrail get-event-selectors --trail-name "$arn" --query "$MANAGEMENT_EVENTS" --output text 2>"$WORK/error"); then
      warn "what the trail $arn logs cannot be seen: $(cat "$WORK/error")"
      return
    fi
    case $logging in [Tt]rue) ;; *) continue ;; esac
    case " $(printf '%s' "$kind" | tr '\t\n' '  ') " in *' All '* | *' ReadOnly '* | *' both '* | *' true '*) reads=yes ;; esac
    case " $(printf '%s' "$kind" | tr '\t\n' '  ') " in *' All '* | *' WriteOnly '* | *' both '* | *' false '*) writes=yes ;; esac
  done
  case $reads$writes in
    yesyes) say "A trail logs reads and writes in $REGION: who is throttled can be told." ;;
    noyes) warn "no trail in $REGION logs management events that only read: throttled calls such as ListUsers and GetMetricDataV2 will not be told (docs/THROTTLING.md)" ;;
    yesno) warn "no trail in $REGION logs management events that write: throttled calls such as StartOutboundVoiceContact will not be told (docs/THROTTLING.md)" ;;
    *) warn "no trail logs management events in $REGION: nobody will be told who is throttled, because EventBridge gets the calls from a trail. None is made here, because it fills a bucket; docs/THROTTLING.md says how to make one" ;;
  esac
}

check_build_tools() {
  command -v cargo >/dev/null 2>&1 ||
    die "Rust is not installed: see https://rustup.rs, or say --release latest, which needs none"
  cargo lambda --version >/dev/null 2>&1 ||
    die "cargo-lambda is not installed: 'pip install cargo-lambda' or see https://www.cargo-lambda.info, or say --zip FILE"
}

# ---- Package ---------------------------------------------------------------------------------------

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

repository() {
  local url=$REPOSITORY
  [ -n "$url" ] || [ ! -r "$HERE/Cargo.toml" ] || url=$(sed -nE 's/^repository *= *"(.*)"$/\1/p' "$HERE/Cargo.toml")
  printf '%s' "${url%/}"
}

# `fetch NAME`: one file of the release, whose sum must be the one that the release states.
fetch() {
  local url sum
  url=$(repository)
  [ -n "$url" ] || die "where releases are is not known: Cargo.toml states no 'repository'. Take a release's own deploy.sh, or say --zip FILE"
  if [ "$RELEASE" = latest ]; then url=$url/releases/latest/download; else url=$url/releases/download/$RELEASE; fi
  run curl -fsSL --retry 3 --output "$WORK/release/$1" "$url/$1" || die "$url/$1 could not be fetched"
  [ "$1" != SHA256SUMS ] && [ "$DRY_RUN" = no ] || return 0
  sum=$(awk -v name="$1" '$2 == name || $2 == "*" name { print $1 }' "$WORK/release/SHA256SUMS")
  [ -n "$sum" ] || die "the release's SHA256SUMS does not name $1"
  [ "$(sha256 <"$WORK/release/$1")" = "$sum" ] || die "$1 is not what the release's SHA256SUMS says: it is damaged, or not the release's"
}

fetch_template() {
  command -v curl >/dev/null 2>&1 || die "curl is not installed, and --release needs it"
  mkdir "$WORK/release"
  fetch SHA256SUMS
  fetch template.yaml
  [ "$DRY_RUN" = yes ] || TEMPLATE=$WORK/release/template.yaml
}

fetch_package() {
  ZIP=$WORK/release/$PROGRAM-$ARCH.zip
  say "Fetching $PROGRAM-$ARCH.zip of release $RELEASE"
  fetch "$PROGRAM-$ARCH.zip"
  [ "$DRY_RUN" = no ] || return 0
  say "Its sum is the release's"
  # The sums lie beside what they sum; who built it is stated by GitHub.
  if command -v gh >/dev/null 2>&1 && gh auth status >/dev/null 2>&1; then
    gh attestation verify "$ZIP" --repo "$(repository | sed -E 's|^https://[^/]*/||')" >/dev/null ||
      die "GitHub does not attest that this package was built by the repository's own workflow"
    say "GitHub attests that the repository's own workflow built it"
  fi
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
  case $(unzip -Z "$ZIP" bootstrap 2>/dev/null || true) in
    ???x*) ;;
    *) die "$ZIP: 'bootstrap' is not executable, so that Lambda could not start it" ;;
  esac
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

# One for each account, Region and stack: two stacks never share what one of them deletes, even where their
# names differ in capitals only.
default_code_bucket() {
  local tail=-$ACCOUNT-$REGION name room
  name=$(printf '%s' "$STACK" | tr '[:upper:]' '[:lower:]')
  room=$((63 - ${#tail} - 5))
  if [ "${#name}" -gt "$room" ] || [ "$name" != "$STACK" ]; then
    name=${name:0:$((room - 9))}-$(printf '%s' "$STACK" | sha256 | cut -c1-8)
  fi
  printf '%s-code%s' "$name" "$tail"
}

make_code_bucket() {
  local policy
  # The owner is checked, because whoever guesses the name could have made the bucket first.
  if [ "$DRY_RUN" = yes ] ||
    ! "${AWS[@]}" s3api head-bucket --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" >/dev/null 2>&1; then
    say "Making the private bucket $CODE_BUCKET for the package"
    HALF_DONE="bucket $CODE_BUCKET may be there, and empty. Run this script again to go on, or with --delete to be rid of it."
    set -- --bucket "$CODE_BUCKET"
    [ "$REGION" = us-east-1 ] || set -- "$@" --create-bucket-configuration "LocationConstraint=$REGION"
    run "${AWS[@]}" s3api create-bucket "$@" >/dev/null || die "bucket $CODE_BUCKET could not be made"
  fi
  HALF_DONE="bucket $CODE_BUCKET is there, for this stack's packages. Run this script again to go on, or with --delete to be rid of it."
  # Each time, because an earlier run may have ended between these.
  run "${AWS[@]}" s3api put-bucket-tagging --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" \
    --tagging "TagSet=[{Key=$PROGRAM:code-of-stack,Value=$STACK}]" || die "bucket $CODE_BUCKET could not be tagged"
  run "${AWS[@]}" s3api put-public-access-block --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" \
    --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true ||
    die "bucket $CODE_BUCKET could not be made private"
  policy='{"Version":"2012-10-17","Statement":[{"Sid":"OnlyTls","Effect":"Deny","Principal":"*","Action":"s3:*",'
  policy=$policy'"Resource":["arn:'$PARTITION':s3:::'$CODE_BUCKET'","arn:'$PARTITION':s3:::'$CODE_BUCKET'/*"],'
  policy=$policy'"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
  run "${AWS[@]}" s3api put-bucket-policy --bucket "$CODE_BUCKET" --expected-bucket-owner "$ACCOUNT" --policy "$policy" ||
    die "bucket $CODE_BUCKET could not be given its policy"
}

upload() {
  [ "$CODE_BUCKET" != "$(default_code_bucket)" ] || make_code_bucket
  if [ "$DRY_RUN" != yes ] && "${AWS[@]}" s3api head-object --bucket "$CODE_BUCKET" --key "$KEY" >/dev/null 2>&1; then
    say "This very package is in s3://$CODE_BUCKET already"
    return
  fi
  say "Uploading to s3://$CODE_BUCKET/$KEY"
  run "${AWS[@]}" s3api put-object --bucket "$CODE_BUCKET" --key "$KEY" --body "$ZIP" >/dev/null ||
    die "the package could not be uploaded to s3://$CODE_BUCKET"
}

# ---- Stack -----------------------------------------------------------------------------------------

STATUS=''

# `read_stack STAND_IN`: all that is needed of the stack, in one call; STATUS is empty where there is none.
read_stack() {
  if ! ask "$1" "${AWS[@]}" cloudformation describe-stacks --stack-name "$STACK" --output text --query \
    "Stacks[0].[[['status','',StackStatus],['protected','',to_string(EnableTerminationProtection)]],Parameters[].['parameter',ParameterKey,ParameterValue],Outputs[].['output',OutputKey,OutputValue],Tags[].['tag',Key,Value]][]" \
    >"$WORK/stack" 2>"$WORK/error"; then
    grep -q 'does not exist' "$WORK/error" || die "the stack cannot be looked at: $(cat "$WORK/error")"
    : >"$WORK/stack"
  fi
  STATUS=$(stack_value status '')
  # A first deployment ended before its change set was carried out: there is nothing yet.
  if [ "$STATUS" = REVIEW_IN_PROGRESS ] && [ "$DELETE" = no ]; then
    STATUS=''
    : >"$WORK/stack"
  fi
}

# `stack_value parameter|output|status NAME`: empty where the stack has none.
stack_value() {
  local line value
  [ -r "$WORK/stack" ] || return 0
  while IFS= read -r line; do
    case $line in
      "$1"$'\t'"$2"$'\t'*)
        value=${line#*$'\t'}
        value=${value#*$'\t'}
        [ "$value" = None ] || printf '%s' "$value"
        return
        ;;
    esac
  done <"$WORK/stack"
}

output() { stack_value output "$1"; }

# What CloudFormation keeps; a line for each resource that is there.
read_resources() {
  ask "$1" "${AWS[@]}" cloudformation list-stack-resources --stack-name "$STACK" --output text \
    --query "StackResourceSummaries[?ResourceStatus!='DELETE_COMPLETE'].[LogicalResourceId,PhysicalResourceId]" \
    >"$WORK/resources" || die "the stack's resources cannot be looked at"
}

# Empty where the stack has no such resource.
physical_id() {
  local name id
  while IFS=$'\t' read -r name id; do
    if [ "$name" = "$1" ] && [ "$id" != None ]; then
      printf '%s' "$id"
      return
    fi
  done <"$WORK/resources"
}

show_failures() {
  local failures
  # Where there is no stack yet, there is nothing to show.
  failures=$("${AWS[@]}" cloudformation describe-stack-events --stack-name "$STACK" --output text --query \
    "StackEvents[?contains(ResourceStatus, 'FAILED') && !contains(ResourceStatusReason || '', 'cancelled')] | [:10].[LogicalResourceId, ResourceStatus, ResourceStatusReason]" 2>/dev/null) || failures=''
  [ -z "$failures" ] || printf 'What failed, newest first:\n%s\n' "$failures" >&2
}

# Leaves a stack that can be created or updated, or stops.
prepare_stack() {
  read_stack ''
  case $STATUS in
    CREATE_FAILED | ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
      confirm "Stack $STACK is left over from a failure ($STATUS) and must be deleted first. Delete it?"
      read_resources ''
      plan_kept
      delete_stack
      [ -z "$KEPT" ] || say "$KEPT"
      KEPT=''
      HALF_DONE=''
      STATUS=''
      : >"$WORK/stack"
      ;;
    *_IN_PROGRESS)
      die "stack $STACK is busy ($STATUS): try again when that is over"
      ;;
    UPDATE_ROLLBACK_FAILED)
      die "stack $STACK is in UPDATE_ROLLBACK_FAILED: 'aws cloudformation continue-update-rollback --region $REGION --stack-name $STACK' first"
      ;;
    IMPORT_ROLLBACK_FAILED)
      die "stack $STACK is in IMPORT_ROLLBACK_FAILED: finish or undo that import first"
      ;;
    '' | CREATE_COMPLETE | UPDATE_COMPLETE | UPDATE_FAILED | UPDATE_ROLLBACK_COMPLETE | IMPORT_COMPLETE | IMPORT_ROLLBACK_COMPLETE) ;;
    *) die "stack $STACK is in a state that this script does not know ($STATUS)" ;;
  esac
  if [ -z "$ARCH" ] && [ -n "$STATUS" ] && [ -z "$ZIP" ]; then
    ARCH=$(stack_value parameter Architecture)
  fi
  case $ARCH in arm64 | x86_64) ;; *) [ -n "$ZIP" ] || ARCH=arm64 ;; esac
  # A bucket that was given once stays.
  [ -n "$CODE_BUCKET" ] || CODE_BUCKET=$(stack_value parameter CodeS3Bucket)
  [ -n "$CODE_BUCKET" ] || CODE_BUCKET=$(default_code_bucket)
}

# Runs that cannot overlap need an execution to spare: Lambda keeps 100 of them unreserved.
reserve() {
  local spare
  [ -z "$STATUS" ] && ! has_parameter ReserveConcurrency || return 0
  spare=$(ask 1000 "${AWS[@]}" lambda get-account-settings --query AccountLimit.UnreservedConcurrentExecutions --output text 2>/dev/null) || spare=''
  case $spare in
    '' | *[!0-9]*) warn "how many concurrent executions are unreserved cannot be seen: none is reserved for the monitor" ;;
    *)
      if [ "$spare" -gt 100 ]; then
        set_parameter ReserveConcurrency true
      else
        warn "this account has only $spare unreserved concurrent executions: none is reserved for the monitor"
      fi
      ;;
  esac
}

# The address may be subscribed to the given topic already. CloudFormation would take that subscription for
# the stack's, and remove it with the stack.
check_subscriber() {
  local topic email endpoints endpoint
  topic=$(parameter ExistingTopicArn)
  email=$(parameter NotificationEmail)
  [ -n "$topic" ] && [ -n "$email" ] && [ "$email" != "$(stack_value parameter NotificationEmail)" ] || return 0
  endpoints=$(ask '' "${AWS[@]}" sns list-subscriptions-by-topic --topic-arn "$topic" --output text \
    --query 'Subscriptions[].[Endpoint]') || die "the subscriptions of $topic cannot be looked at"
  while IFS= read -r endpoint; do
    [ "$endpoint" = "$email" ] || continue
    warn "$email is subscribed to $topic already, and not by this stack: that subscription stays as it is"
    set_parameter NotificationEmail ''
    return
  done <<END
$endpoints
END
}

# Services that use a given key in their own name.
KEYS_USERS='cloudwatch.amazonaws.com events.amazonaws.com logs.'

check_key() {
  local key policy service
  key=$(parameter KmsKeyArn)
  [ -n "$key" ] || return 0
  policy=$(ask "$KEYS_USERS" \
    "${AWS[@]}" kms get-key-policy --key-id "$key" --policy-name default --query Policy --output text) || {
    warn "the policy of $key cannot be read; docs/OPERATIONS.md says what it must hold"
    return 0
  }
  for service in $KEYS_USERS; do
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
  set -- --stack-name "$STACK" --template-file "$TEMPLATE" --s3-bucket "$CODE_BUCKET" --s3-prefix "$PROGRAM" \
    --parameter-overrides "file://$WORK/parameters.json" --capabilities "$CAPABILITY" --no-fail-on-empty-changeset
  [ -z "$ROLE_ARN" ] || set -- "$@" --role-arn "$ROLE_ARN"
  # Tags that are not given again would be taken away.
  local kind key tag words=''
  [ -n "$TAGS" ] || while IFS=$'\t' read -r kind key tag; do
    [ "$kind" != tag ] || TAGS=$TAGS$key=$tag$'\n'
  done <"$WORK/stack"
  while IFS= read -r tag; do
    [ -n "$tag" ] || continue
    [ -n "$words" ] || set -- "$@" --tags
    words=yes
    set -- "$@" "$tag"
  done <<END
$TAGS
END
  HALF_DONE="CloudFormation goes on by itself with what it has begun of stack $STACK. Run this script again when that is over."
  if ! run "${AWS[@]}" cloudformation deploy "$@"; then
    show_failures
    warn "$HALF_DONE"
    HALF_DONE=''
    die "stack $STACK was not deployed"
  fi
  HALF_DONE="stack $STACK is deployed, but not all of it is proven. Run this script again."
}

# An earlier deletion that was refused may have left it off, and CloudFormation does not see that.
check_schedule() {
  local rule state
  rule=$(physical_id Schedule)
  state=$(ask ENABLED "${AWS[@]}" events describe-rule --name "$rule" --query State --output text) || state=unknown
  [ "$state" != ENABLED ] || return 0
  run "${AWS[@]}" events enable-rule --name "$rule" || die "the schedule $rule is not switched on (it is $state), so the monitor does not run"
  warn "the schedule $rule was $state, and is switched on now"
}

# ---- Proof that it works ---------------------------------------------------------------------------

# `invoke PAYLOAD FILE`: the answer goes to the file; fails with the function's own error. One execution may be
# all there is, so a run that is under way is waited for.
invoke() {
  local error waited=0 most
  most=$(coming LambdaTimeout)
  most=$((${most:-900} + 60))
  printf '%s' "$1" >"$WORK/payload.json"
  until error=$(ask None env AWS_MAX_ATTEMPTS=1 "${AWS[@]}" lambda invoke --function-name "$FUNCTION" --cli-read-timeout 910 \
    --payload "fileb://$WORK/payload.json" --query FunctionError --output text "$2" 2>"$WORK/error"); do
    if ! grep -q TooManyRequestsException "$WORK/error" || [ "$waited" -ge "$most" ]; then
      cat "$WORK/error" >&2
      return 1
    fi
    [ "$waited" -gt 0 ] || say "A run is under way: waiting until it ends, at most $most seconds"
    sleep 15
    waited=$((waited + 15))
  done
  [ "$error" = None ] || {
    cat "$2" >&2
    printf '\n' >&2
    return 1
  }
}

# Seconds that Connect's rates let a run of all instances take, by the README's arithmetic.
run_seconds() {
  local share pacing
  share=$(coming ConnectRateShare)
  pacing=$(coming ConnectPacing)
  if [ -z "$INSTANCES" ] || [ "$pacing" = per-operation ]; then
    printf 0
  else
    printf '%s' $(((27 * INSTANCES + (INSTANCES + 9) / 10 + 56) * 50 / ${share:-100}))
  fi
}

# Networks drop a connection that is idle for some minutes: a long run is told by its log.
dry_run_by_log() {
  local since group line='' waited=0 most level
  group=$(output LogGroupName)
  level=$(coming LogLevel)
  most=$(coming LambdaTimeout)
  most=$((${most:-900} + 120))
  case $level in
    '' | INFO) ;;
    *)
      say "Not measured: with $INSTANCES instances that takes too long to wait for, and LogLevel $level would not tell how it ended."
      return
      ;;
  esac
  since=$(($(date +%s) * 1000))
  printf '{"dry_run":true}' >"$WORK/payload.json"
  run "${AWS[@]}" lambda invoke --function-name "$FUNCTION" --invocation-type Event --payload "fileb://$WORK/payload.json" \
    "$WORK/run.json" >/dev/null || return 1
  say "With $INSTANCES instances that takes about $1 seconds: waiting for the log to tell"
  until [ -n "$line" ]; do
    [ "$waited" -lt "$most" ] || return 1
    sleep 15
    waited=$((waited + 15))
    line=$(ask '"instances":0,"violations":0,"duration_ms":0' "${AWS[@]}" logs filter-log-events --log-group-name "$group" --start-time "$since" \
      --filter-pattern '"run finished"' --query 'events[0].message' --output text) || return 1
    [ "$line" != None ] || line=''
  done
  say "  Instances: $(printf '%s' "$line" | field instances). Violations: $(printf '%s' "$line" | field violations). Took $(printf '%s' "$line" | field duration_ms) ms."
}

# Reads `"name":value` of a flat JSON value.
field() { sed -nE 's/.*"'"$1"'":("[^"]*"|[^],}"]*).*/\1/p' | head -n 1 | sed -E 's/^"//; s/"$//; s/^([0-9]+)\.0$/\1/'; }

# One line for each violation of the answer, whose instance stands before a tab. The rows hold no objects, so
# that they stay whole where the answer is broken at each brace.
violations() {
  tr '{' '\n' <"$1" | awk '
    function value(name) { return match($0, "\"" name "\":\"[^\"]*\"") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5) : "" }
    /"metrics":\[$/ && !/"quota_code"/ || /"metrics":\[$/ && !/"status":"(warning|critical)"/ {
      whose = account ? "the account" : value("instance_alias")
      if (whose == "") whose = value("instance_id")
    }
    { account_next = /"account":$/ }
    /"quota_code"/ { sub(/}.*/, "") }
    /"quota_code"/ && /"status":"(warning|critical)"/ { print whose "\t" $0 }
    { account = account_next }'
}

summary() {
  local answer=$1 statuses violations unseen whose line rejected shown=0
  # Services have such a status too, right behind their code.
  statuses=$(sed -E 's/"service_code":"[^"]*","status":"[a-z]*"//g' "$answer" |
    grep -oE '"status":"(complete|partial|failed|skipped)"' | cut -d'"' -f4 | sort | uniq -c |
    awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }') || true
  say "  Instances and the account: ${statuses:-none}. Violations: $(field violations <"$answer"). Took $(field duration_ms <"$answer") ms."
  violations=$(violations "$answer" || true)
  unseen=$(tr '{' '\n' <"$answer" | awk -F'"' '
    /^"kind":"/ { kind = $4 }
    match($0, /"operation":"[^"]*"/) { print "  not seen: " substr($0, RSTART + 13, RLENGTH - 14) " (" kind ")" }' | sort -u)
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    whose=${line%%$'\t'*}
    [ -z "$whose" ] || whose=", $whose"
    line=${line#*$'\t'}
    shown=$((shown + 1))
    [ "$shown" -le 20 ] || continue
    # Why it is critical at 62 percent.
    rejected=$(printf '%s' "$line" | field rejected)
    case $rejected in '' | 0 | null) ;; *) whose=", $rejected REJECTED$whose" ;; esac
    say "  $(printf '%s' "$line" | field status): $(printf '%s' "$line" | field quota_name), $(printf '%s' "$line" | field usage) of $(printf '%s' "$line" | field limit) ($(printf '%s' "$line" | field utilization) %)$whose"
  done <<END
$violations
END
  [ "$shown" -le 20 ] || say "  and $((shown - 20)) more"
  [ -z "$unseen" ] || say "$unseen"
}

send_test_alert() {
  local version
  FUNCTION=$(output FunctionName)
  say "Sending a test alert"
  invoke '{"test_alert":true}' "$WORK/test.json" || die "the function could not send the test alert: see above"
  if [ "$DRY_RUN" = no ]; then
    version=$(field version <"$WORK/test.json")
    say "The function runs version ${version:-unknown}"
    [ -z "$version" ] || [ -z "$(output Version)" ] || [ "$version" = "$(output Version)" ] ||
      warn "the template is of version $(output Version): take package and template from one release"
  fi
}

check_deployment() {
  local seconds
  send_test_alert
  say "Measuring once, without storing or sending anything"
  seconds=$(run_seconds)
  if [ "$seconds" -gt 300 ]; then
    dry_run_by_log "$seconds" || die "the dry run failed, or did not end in time: see above, and the log"
    return
  fi
  invoke '{"dry_run":true}' "$WORK/run.json" || die "the dry run failed: see above"
  [ "$DRY_RUN" = yes ] || summary "$WORK/run.json"
}

# `report_subscription new|old`: whether the address's first mail has just been sent.
report_subscription() {
  local email topic subscriptions arn endpoint found='' confirmed=0
  topic=$(output TopicArn)
  say "Alerts go to $topic"
  email=$(stack_value parameter NotificationEmail)
  subscriptions=$(ask '' "${AWS[@]}" sns list-subscriptions-by-topic --topic-arn "$topic" --output text \
    --query 'Subscriptions[].[SubscriptionArn, Endpoint]') || {
    warn "who is subscribed to $topic cannot be seen"
    return 0
  }
  while read -r arn endpoint; do
    case $arn in arn:*) confirmed=$((confirmed + 1)) ;; esac
    [ -z "$email" ] || [ "$endpoint" != "$email" ] || found=$arn
  done <<END
$subscriptions
END
  if [ -n "$email" ]; then
    case $found in
      arn:*) say "$email is subscribed." ;;
      *)
        say "$email is NOT SUBSCRIBED YET: open the mail 'AWS Notification - Subscription Confirmation' and follow its link."
        # SNS forgets an address that is not confirmed within two days, and CloudFormation does not see that.
        if [ "$1" = old ]; then
          if run "${AWS[@]}" sns subscribe --topic-arn "$topic" --protocol email --notification-endpoint "$email" >/dev/null; then
            say "That mail was sent again just now."
          else
            warn "that mail could not be sent again"
          fi
        fi
        say "Then run this script again, or invoke the function with {\"test_alert\":true}, to get a test alert."
        ;;
    esac
  fi
  [ "$confirmed" != 0 ] || [ "$DRY_RUN" = yes ] || warn "$topic has no confirmed subscription: nobody gets an alert"
}

# The last step: `doctor` with your own credentials, where the command is installed here. The function has no such payload.
examine() {
  local table bucket
  table=$(output TableName)
  bucket=$(output BucketName)
  set -- env "ALERT_SNS_TOPIC_ARN=$(output TopicArn)"
  [ -z "$table" ] || set -- "$@" USE_DYNAMODB=true "DYNAMODB_TABLE=$table"
  [ -z "$bucket" ] || set -- "$@" USE_S3_STORAGE=true "S3_BUCKET=$bucket"
  set -- "$@" connect-quota-monitor doctor --region "$REGION"
  [ -z "$PROFILE" ] || set -- "$@" --profile "$PROFILE"
  if [ "$DRY_RUN" = no ] && ! command -v connect-quota-monitor >/dev/null 2>&1; then
    say "Is all in place? With the command installed (cargo install --path .):"
    say " $(printf ' %q' "$@")"
    return
  fi
  say "Looking whether all is in place"
  # The deployment itself is done: what is amiss is told, and no failure of it.
  run "$@" || warn "doctor found something amiss: see above"
}

# ---- Deleting --------------------------------------------------------------------------------------

# Sets KEPT, by the stack's resources.
plan_kept() {
  local id
  KEPT=''
  id=$(physical_id SnapshotsTable)
  [ -z "$id" ] || KEPT="${KEPT}Kept: table $id. To delete it: aws dynamodb delete-table --region $REGION --table-name $id"$'\n'
  id=$(physical_id HistoryBucket)
  [ -z "$id" ] || KEPT="${KEPT}Kept: bucket $id. To delete it: aws s3 rb --region $REGION --force s3://$id"$'\n'
  id=$(physical_id Key)
  [ -z "$id" ] || KEPT="${KEPT}Kept: key $id. To delete it, and with it all that it encrypted: aws kms schedule-key-deletion --region $REGION --key-id $id"$'\n'
  KEPT=${KEPT%$'\n'}
}

delete_stack() {
  local bucket try
  bucket=$(physical_id DisposableHistoryBucket)
  for try in first second; do
    set -- --stack-name "$STACK"
    [ -z "$ROLE_ARN" ] || set -- "$@" --role-arn "$ROLE_ARN"
    run "${AWS[@]}" cloudformation delete-stack "$@" || die "stack $STACK was not deleted: AWS refused it, see above"
    # From here on CloudFormation goes on, whatever becomes of this script.
    SWITCHED_OFF=''
    HALF_DONE="CloudFormation goes on deleting stack $STACK by itself. Run this script with --delete again when that is over: it removes what is left, and names what it cannot."
    if run "${AWS[@]}" cloudformation wait stack-delete-complete --stack-name "$STACK"; then
      # A dry run shows what a bucket that is not empty needs.
      [ "$DRY_RUN" = no ] || [ -z "$bucket" ] || empty_bucket "$bucket"
      return
    fi
    read_stack ''
    case $STATUS in
      '') return ;;
      DELETE_FAILED) ;;
      *) die "how the deletion of stack $STACK ends could not be seen ($STATUS)" ;;
    esac
    # The function is gone, so nothing writes into it any more, and the deletion is under way: now it may be emptied.
    if [ -n "$bucket" ] && [ "$try" = first ]; then
      say "Emptying bucket $bucket, which keeps the stack from being deleted"
      empty_bucket "$bucket" || die "bucket $bucket could not be emptied, so stack $STACK is not deleted"
    else
      show_failures
      die "stack $STACK was not deleted"
    fi
  done
}

empty_bucket() { run "${AWS[@]}" s3 rm "s3://$1" --recursive --only-show-errors; }

# Of the folder of alarms that the function keeps; empty where there is none, or it cannot be seen.
kept_alarms() {
  ask "$1" "${AWS[@]}" cloudwatch describe-alarms --alarm-types MetricAlarm --alarm-name-prefix "$STACK/$REGION/" \
    --query 'MetricAlarms[].[AlarmArn]' --output text
}

# The alarms that the function keeps are no part of the stack: the function removes them, before it goes.
remove_alarms() {
  local found
  found=$(kept_alarms '') || found=unknown
  [ -n "$found" ] && [ "$found" != None ] || return 0
  FUNCTION=$(output FunctionName)
  [ -n "$FUNCTION" ] || return 0
  if invoke '{"remove_api_alarms":true}' "$WORK/alarms.json"; then
    say "Removed $(field deleted <"$WORK/alarms.json") alarms"
  else
    warn "the function could not remove its alarms"
  fi
}

# What the function could not remove, or kept once more meanwhile. Its alarms bear the stack's name as a tag.
remove_left_alarms() {
  local found arn name tag left=''
  found=$(kept_alarms '') || {
    say "Perhaps kept: alarms whose names begin with $STACK/$REGION/, because they could not be looked at."
    return 0
  }
  while IFS= read -r arn; do
    case $arn in arn:*) ;; *) continue ;; esac
    name=${arn#*:alarm:}
    tag=$("${AWS[@]}" cloudwatch list-tags-for-resource --resource-arn "$arn" --output text \
      --query "Tags[?Key=='$PROGRAM'].Value | [0]" 2>/dev/null) || tag=unknown
    if [ "$tag" = "$STACK" ] && run "${AWS[@]}" cloudwatch delete-alarms --alarm-names "$name"; then
      say "Removed alarm $name"
    else
      [ -z "$left" ] || left="$left, "
      left=$left$name
    fi
  done <<END
$found
END
  [ -z "$left" ] || say "Kept: alarms whose names begin with $STACK/$REGION/, because they could not be removed or are not the monitor's: $left"
}

# Refuses to delete a stack that is protected or busy, before anything is changed.
deletion_is_allowed() {
  [ "$(stack_value protected '')" != true ] ||
    die "stack $STACK is protected from deletion, so nothing was changed: 'aws cloudformation update-termination-protection --region $REGION --stack-name $STACK --no-enable-termination-protection' first"
  case $STATUS in
    DELETE_IN_PROGRESS | REVIEW_IN_PROGRESS) ;;
    *_IN_PROGRESS) die "stack $STACK is busy ($STATUS): try again when that is over" ;;
  esac
}

delete_everything() {
  local rule given=''
  read_stack "status"$'\t\t'"CREATE_COMPLETE"
  given=$(stack_value parameter CodeS3Bucket)
  [ -z "$(output MachineArn)" ] || die "stack $STACK is the hub of a fleet, so nothing was changed: say --fleet too"
  if [ -n "$STATUS" ]; then
    deletion_is_allowed
    read_resources "Schedule"$'\t'"<Schedule>"$'\n'"DisposableHistoryBucket"$'\t'"<DisposableHistoryBucket>"
    plan_kept
    [ -z "$KEPT" ] || say "${KEPT//Kept: /Will be kept: }"
    confirm "Delete stack $STACK in $REGION of account $ACCOUNT?"
    case $STATUS in
      CREATE_COMPLETE | UPDATE_* | IMPORT_*)
        rule=$(physical_id Schedule)
        # A run that starts now would keep alarms once more.
        if [ -n "$rule" ]; then
          SWITCHED_OFF=$rule
          run "${AWS[@]}" events disable-rule --name "$rule" || die "the schedule could not be switched off, so nothing was deleted"
        fi
        remove_alarms
        ;;
    esac
    say "Deleting stack $STACK"
    delete_stack
    say "Stack $STACK is deleted."
    [ -z "$KEPT" ] || say "$KEPT"
    KEPT=''
  else
    say "There is no stack $STACK in $REGION."
  fi
  HALF_DONE="what is left of stack $STACK is not all removed or named. Run this script with --delete again."
  remove_left_alarms
  delete_code_bucket "$given"
  HALF_DONE=''
}

# Only the bucket that this script made for this stack, which its tag tells. `delete_code_bucket USED`: the
# bucket that the stack took its package from.
delete_code_bucket() {
  local own owner
  own=$(default_code_bucket)
  if [ -n "$CODE_BUCKET" ] && [ "$CODE_BUCKET" != "$own" ]; then
    say "Kept: the package in s3://$CODE_BUCKET/$PROGRAM/"
    return
  fi
  [ -z "$1" ] || [ "$1" = "$own" ] || [ "$1" = "$CODE_BUCKET" ] || say "Kept: the package in s3://$1/$PROGRAM/"
  CODE_BUCKET=$own
  if ! ask '' "${AWS[@]}" s3api head-bucket --bucket "$own" --expected-bucket-owner "$ACCOUNT" >/dev/null 2>"$WORK/error"; then
    grep -qE '404|Not Found|NoSuchBucket' "$WORK/error" ||
      say "Perhaps kept: bucket $own of its packages, because it could not be looked at. To delete it: aws s3 rb --region $REGION --force s3://$own"
    return 0
  fi
  owner=$(ask "$STACK" "${AWS[@]}" s3api get-bucket-tagging --bucket "$own" --expected-bucket-owner "$ACCOUNT" --output text \
    --query "TagSet[?Key=='$PROGRAM:code-of-stack'].Value | [0]" 2>/dev/null) || owner=unknown
  if [ "$owner" != "$STACK" ]; then
    say "Kept: bucket $own, because no tag says that it is this stack's. To delete it: aws s3 rb --region $REGION --force s3://$own"
  elif empty_bucket "$own" && run "${AWS[@]}" s3api delete-bucket --bucket "$own" --expected-bucket-owner "$ACCOUNT"; then
    say "Deleted the bucket of its packages, $own"
  else
    die "bucket $own of its packages is left. To delete it: aws s3 rb --region $REGION --force s3://$own"
  fi
}

# ---- From the top ----------------------------------------------------------------------------------

main() {
  local subscriber=old
  parse_arguments "$@"
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
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
  if [ "$FLEET" = yes ]; then
    [ -r "$HERE/fleet/deploy.sh" ] || die "the folder fleet is not beside this script, and a fleet needs it: unpack the release's fleet.tar.gz there"
    # shellcheck source=/dev/null
    . "$HERE/fleet/deploy.sh"
    deploy_fleet
    return
  fi
  # What can be refused here is refused before AWS is asked for anything.
  [ "$DELETE" = yes ] || [ -n "$RELEASE" ] || check_parameters
  check_aws
  if [ "$DELETE" = yes ]; then
    delete_everything
    return
  fi
  if [ -n "$RELEASE" ]; then
    fetch_template
    check_parameters
  fi
  command -v unzip >/dev/null 2>&1 || die "unzip is not installed, and the package must be looked into"
  [ -n "$ZIP$RELEASE" ] || check_build_tools
  check_connect
  prepare_stack
  [ -z "$(output MachineArn)" ] || die "stack $STACK is the hub of a fleet: say --fleet, or another --stack-name"
  check_rules
  check_trail
  [ "$CODE_BUCKET" = "$(default_code_bucket)" ] || check_bucket --code-bucket "$CODE_BUCKET"
  ! has_parameter ExistingBucketName || [ -z "$(parameter ExistingBucketName)" ] || check_bucket --bucket "$(parameter ExistingBucketName)"
  check_key
  check_subscriber
  reserve
  if [ -n "$RELEASE" ]; then fetch_package; elif [ -z "$ZIP" ]; then build; fi
  check_package
  upload
  [ -n "$STATUS" ] && [ "$(coming NotificationEmail)" = "$(stack_value parameter NotificationEmail)" ] || subscriber=new
  deploy_stack
  read_stack "status"$'\t\t'"CREATE_COMPLETE"$'\n'"output"$'\t'"FunctionName"$'\t'"<FunctionName>"$'\n'"output"$'\t'"TopicArn"$'\t'"<TopicArn>"$'\n'"output"$'\t'"LogGroupName"$'\t'"<LogGroupName>"
  read_resources "Schedule"$'\t'"<Schedule>"
  check_schedule
  [ "$CHECKS" = no ] || check_deployment
  report_subscription "$subscriber"
  [ "$CHECKS" = no ] || examine
  [ "$DRY_RUN" = yes ] || say "Logs: $(output LogsCommand)"
  HALF_DONE=''
}

# On one line, so that nothing is read any more when the file has changed meanwhile.
main "$@"; exit

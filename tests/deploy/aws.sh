#!/usr/bin/env bash
# An AWS CLI with an account of its own in the folder $STATE, as far as deploy.sh uses it, quick enough to be
# stopped after each call. The calls that it was given stand in $STATE/calls. $STATE/trouble, such as `denied 7`,
# says what happens at which call:
#   stopped   the call is carried out, then the whole process group gets SIGINT
#   denied    the call is refused
#   expired   this call and all later ones are refused
# What really goes over the wire is test_deploy.py's subject.
set -euo pipefail

fail() {
  printf '\nAn error occurred (%s) when calling the operation: %s\n' "$1" "$2" >&2
  exit 254
}

# `option NAME ARGUMENTS...`: its value.
option() {
  local name=$1
  shift
  while [ $# -gt 0 ]; do
    [ "$1" != "$name" ] || {
      printf '%s' "$2"
      return
    }
    shift
  done
}

status() { if [ -r "$STATE/status" ]; then cat "$STATE/status"; fi; }

# Deletes the stack as far as CloudFormation can: not with a bucket that is not empty.
settle() {
  case $(status) in
    DELETE_IN_PROGRESS)
      rm -f "$STATE/rule" "$STATE/function" "$STATE/hub"
      if [ -d "$STATE/buckets/disposable" ] && [ -n "$(ls "$STATE/buckets/disposable")" ]; then
        echo DELETE_FAILED >"$STATE/status"
        return
      fi
      rm -rf "$STATE/buckets/disposable" "$STATE/status" "$STATE/parameters" "$STATE/resources"
      ;;
    CREATE_IN_PROGRESS) echo CREATE_COMPLETE >"$STATE/status" ;;
  esac
}

make_stack() {
  echo ENABLED >"$STATE/rule"
  touch "$STATE/function" "$STATE/resources"
  printf 'Schedule\trule-1\nFunction\tfunction-1\n' >"$STATE/resources"
  if grep -q '"RetainData=false"' "$1"; then
    mkdir -p "$STATE/buckets/disposable"
    printf 'DisposableHistoryBucket\tdisposable\n' >>"$STATE/resources"
  else
    touch "$STATE/table"
    printf 'SnapshotsTable\ttable-1\nKey\tkey-1\n' >>"$STATE/resources"
  fi
}

# A hub has a state machine, and a schedule of EventBridge Scheduler.
make_hub() {
  touch "$STATE/function" "$STATE/table" "$STATE/hub"
  printf 'Schedule\tschedule-1\nFunction\tfunction-1\nMachine\tmachine-1\nSnapshotsTable\ttable-1\nHistoryBucket\tbucket-1\n' >"$STATE/resources"
}

deploy() {
  local file bucket key
  if [ "$(option --stack-name "$@")" = connect-quota-monitor-reader ]; then
    printf '%s|' "$@" >"$STATE/reader-stack"
    return
  fi
  printf '%s|' "$@" >"$STATE/arguments"
  file=$(option --parameter-overrides "$@")
  file=${file#file://}
  bucket=$(sed -n 's/.*"CodeS3Bucket=\(.*\)".*/\1/p' "$file")
  key=$(sed -n 's/.*"CodeS3Key=\(.*\)".*/\1/p' "$file")
  [ -f "$STATE/buckets/$bucket/${key//\//_}" ] || fail ValidationError "there is no s3://$bucket/$key"
  sed -n 's/^ *"\([A-Za-z0-9]*\)=\(.*\)",\{0,1\}$/parameter	\1	\2/p' "$file" >>"$STATE/parameters"
  case $(status) in
    '' | REVIEW_IN_PROGRESS)
      case $* in *fleet/hub.yaml*) make_hub ;; *) make_stack "$file" ;; esac
      echo CREATE_COMPLETE >"$STATE/status"
      ;;
    CREATE_COMPLETE | UPDATE_COMPLETE) echo UPDATE_COMPLETE >"$STATE/status" ;;
    *) fail ValidationError "Stack is in $(status) state and can not be updated" ;;
  esac
}

invoke() {
  local file=${*: -1} payload
  [ -e "$STATE/function" ] || fail ResourceNotFoundException "Function not found"
  payload=$(cat "$(option --payload "$@" | sed 's|^fileb://||')")
  case $payload in
    *remove_api_alarms*) rm -f "$STATE/alarms" ;;
    *discover*)
      printf '{"fleet":"discover","cells":{"expected":7,"no_role":1},"accounts":5,"due":true}' >"$file"
      echo None
      return
      ;;
  esac
  printf '{"api_alarms":{"deleted":1},"violations":0,"duration_ms":1}' >"$file"
  echo None
}

carry_out() {
  local bucket most
  bucket=$STATE/buckets/$(option --bucket "$@")
  case "$1 $2" in
    'sts get-caller-identity') echo arn:aws:iam::123456789012:user/x ;;
    'connect list-instances')
      # As AWS does it: ten on a page, of which the CLI itself reads one after the other.
      most=$(option --max-results "$@")
      [ "${most:-10}" -le 10 ] || fail InvalidRequestException "MaxResults $most is more than 10"
      echo 11111111-1111-1111-1111-111111111111
      ;;
    'cloudtrail describe-trails') echo arn:aws:cloudtrail:us-east-1:123456789012:trail/all ;;
    'cloudtrail get-trail-status') echo True ;;
    'cloudtrail get-event-selectors') echo All ;;
    'cloudformation describe-stacks')
      [ -e "$STATE/status" ] || fail ValidationError "Stack with id quotas does not exist"
      printf 'status\t\t%s\nprotected\t\t%s\n' "$(status)" "$(cat "$STATE/protected" 2>/dev/null || echo false)"
      # The last one of a name counts.
      if [ -r "$STATE/parameters" ]; then sed -n '1!G;h;$p' "$STATE/parameters"; fi
      printf 'output\tFunctionName\tfunction-1\noutput\tTopicArn\tarn:aws:sns:us-east-1:123456789012:topic\noutput\tLogsCommand\tlogs\n'
      if [ -e "$STATE/hub" ]; then printf 'output\tMachineArn\tmachine-1\noutput\tDiscoverCommand\taws lambda invoke discover\n'; fi
      ;;
    'cloudformation list-stack-resources') if [ -r "$STATE/resources" ]; then cat "$STATE/resources"; fi ;;
    'cloudformation describe-stack-events') ;;
    'cloudformation deploy') deploy "$@" ;;
    'cloudformation delete-stack')
      [ "$(cat "$STATE/protected" 2>/dev/null)" != true ] || fail ValidationError "TerminationProtection is enabled"
      printf '%s|' "$@" >"$STATE/arguments"
      if [ -e "$STATE/status" ]; then echo DELETE_IN_PROGRESS >"$STATE/status"; fi
      ;;
    'cloudformation wait')
      settle
      [ ! -e "$STATE/status" ] || exit 255
      ;;
    'lambda get-account-settings') cat "$STATE/spare" 2>/dev/null || echo 1000 ;;
    'organizations describe-organization')
      [ ! -e "$STATE/alone" ] || fail AWSOrganizationsNotInUseException 'not a member of an organization'
      printf 'o-a1b2c3d4e5\t%s\n' "$(cat "$STATE/management" 2>/dev/null || echo 123456789012)"
      ;;
    'organizations list-roots') echo r-a1b2 ;;
    'cloudformation describe-organizations-access') cat "$STATE/access" 2>/dev/null || echo ENABLED ;;
    'cloudformation describe-stack-set')
      [ -e "$STATE/set" ] || fail StackSetNotFoundException 'StackSet connect-quota-monitor-reader not found'
      echo ACTIVE
      ;;
    'cloudformation create-stack-set' | 'cloudformation update-stack-set')
      printf '%s|' "$@" >"$STATE/set"
      echo operation-0
      ;;
    'cloudformation create-stack-instances')
      printf '%s|' "$@" >"$STATE/instances"
      echo operation-1
      ;;
    'cloudformation describe-stack-set-operation') cat "$STATE/operation" 2>/dev/null || echo SUCCEEDED ;;
    'cloudformation list-stack-set-operation-results') printf '444455556666\tFAILED\tAn SCP denies iam:CreateRole\n' ;;
    'iam get-role') if [ -e "$STATE/hub-role" ]; then echo arn:aws:iam::123456789012:role/x; else fail NoSuchEntity 'cannot be found'; fi ;;
    'scheduler get-schedule') cat "$STATE/schedule" 2>/dev/null || echo ENABLED ;;
    'lambda invoke') invoke "$@" ;;
    'events describe-rule') cat "$STATE/rule" ;;
    'events disable-rule') echo DISABLED >"$STATE/rule" ;;
    'events enable-rule') echo ENABLED >"$STATE/rule" ;;
    's3api head-bucket') [ -d "$bucket" ] || fail 404 'Not Found' ;;
    's3api get-bucket-location') if [ -d "$bucket" ]; then echo None; else fail NoSuchBucket 'no such bucket'; fi ;;
    's3api create-bucket') mkdir "$bucket" ;;
    's3api put-bucket-tagging') touch "$bucket.tag" ;;
    's3api put-public-access-block') touch "$bucket.block" ;;
    's3api put-bucket-policy') touch "$bucket.policy" ;;
    's3api get-bucket-tagging') if [ -e "$bucket.tag" ]; then echo quotas; else fail NoSuchTagSet 'no tags'; fi ;;
    's3api head-object') [ -f "$bucket/$(option --key "$@" | tr / _)" ] || fail 404 'Not Found' ;;
    's3api put-object') cp "$(option --body "$@")" "$bucket/$(option --key "$@" | tr / _)" ;;
    's3api delete-bucket')
      rmdir "$bucket" || fail BucketNotEmpty 'not empty'
      rm -f "$bucket".*
      ;;
    's3 rm')
      bucket=${3#s3://}
      rm -f "$STATE/buckets/${bucket:?}"/*
      ;;
    'sns list-subscriptions-by-topic') printf 'PendingConfirmation\ton-call@example.com\n' ;;
    'sns subscribe') echo 'pending confirmation' ;;
    'cloudwatch describe-alarms') if [ -r "$STATE/alarms" ]; then cat "$STATE/alarms"; fi ;;
    'cloudwatch list-tags-for-resource') echo quotas ;;
    'cloudwatch delete-alarms') rm -f "$STATE/alarms" ;;
    *) fail Unknown "$1 $2" ;;
  esac
}

[ "$1" = --region ] && shift 2
if [ "$1" = settle ]; then
  settle
  exit
fi
printf '%s %s\n' "$1" "$2" >>"$STATE/calls"
number=$(wc -l <"$STATE/calls")
kind=''
at=0
if [ -r "$STATE/trouble" ]; then read -r kind at <"$STATE/trouble"; fi
if [ "$kind" = denied ] && [ "$number" -eq "$at" ]; then fail AccessDenied 'not authorized'; fi
if [ "$kind" = expired ] && [ "$number" -ge "$at" ]; then fail ExpiredToken 'the security token is expired'; fi
if [ "$kind" = stopped ] && [ "$number" -eq "$at" ]; then
  trap '' INT
  (carry_out "$@") || true
  kill -INT 0
  exit 130
fi
carry_out "$@"

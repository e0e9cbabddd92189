# shellcheck shell=bash
# The fleet's part of deploy.sh, which reads this file for `--fleet`: the hub, and the role in the accounts.
# Everything that both need stands in deploy.sh. Runs on bash 3.2 and later.
# shellcheck disable=SC2034 # What it sets, deploy.sh reads.

# A StackSet for the organization's accounts, and a stack for the management account, which StackSets leave out.
readonly READER_SET=connect-quota-monitor-reader
MANAGEMENT=''
CALL_AS=SELF

# A command that makes, changes or removes roles: carried out with `--roles deploy`, else shown.
with_roles() {
  if [ "$ROLES" = deploy ]; then run "$@"; else show "$@"; fi
}

# ---- Before anything is made -----------------------------------------------------------------------

# Whether the roles can be made from here. Only looks.
check_organization() {
  local found access
  if ! found=$(ask "o-standin0000"$'\t'"$ACCOUNT" "${AWS[@]}" organizations describe-organization --output text \
    --query 'Organization.[Id, MasterAccountId]' 2>"$WORK/error"); then
    [ "$ROLES" != deploy ] ||
      die "the organization cannot be looked at, so the roles cannot be made from here; say --roles print. AWS says: $(cat "$WORK/error")"
    warn "the organization cannot be looked at from here: the commands below hold a stand-in for what it would tell"
    return 0
  fi
  MANAGEMENT=${found##*$'\t'}
  found=${found%%$'\t'*}
  if [ -z "$(coming OrganizationId)" ]; then
    # Given as empty: accounts outside of it count too.
    has_parameter OrganizationId || [ "$DRY_RUN" = yes ] || [ "$DELETE" = yes ] || {
      set_parameter OrganizationId "$found"
      say "Roles are let in and taken within the organization $found only"
    }
  elif [ "$(coming OrganizationId)" != "$found" ] && [ "$DRY_RUN" = no ]; then
    die "--organization-id '$(coming OrganizationId)' is not the one of account $ACCOUNT, which is in $found: its role would be let in nowhere"
  fi
  [ "$ACCOUNT" = "$MANAGEMENT" ] || CALL_AS=DELEGATED_ADMIN
  [ "$ROLES" = deploy ] || return 0
  access=$(ask ENABLED "${AWS[@]}" cloudformation describe-organizations-access --call-as "$CALL_AS" --query Status --output text \
    2>"$WORK/error") || access=$(cat "$WORK/error")
  case $access in
    ENABLED) ;;
    *) die "StackSets may not be used across the organization from account $ACCOUNT: 'aws cloudformation activate-organizations-access' in the management account $MANAGEMENT first, and where this is another account, make it a delegated administrator for member.org.stacksets.cloudformation.amazonaws.com; or say --roles print. AWS says: $access" ;;
  esac
}

# The hub's role has a name of its own: a second one cannot be made.
check_hub_role() {
  local name
  [ -z "$STATUS" ] || return 0
  name=$(coming HubRoleName)
  name=${name:-ConnectQuotaMonitorFleet}
  if ask '' "${AWS[@]}" iam get-role --role-name "$name" --query Role.Arn --output text >"$WORK/role" 2>"$WORK/error"; then
    [ "$DRY_RUN" = yes ] ||
      die "there is a role $name already, perhaps of another hub in this account: say --parameter HubRoleName=NAME, and give the readers the same name"
  elif ! grep -q NoSuchEntity "$WORK/error"; then
    warn "whether there is a role $name already cannot be seen: $(cat "$WORK/error")"
  fi
}

# The parameter is a number of executions, and Lambda keeps 100 of the account's unreserved.
reserve_workers() {
  local spare wanted
  [ -z "$STATUS" ] && ! has_parameter WorkerConcurrency || return 0
  wanted=$(coming MaxConcurrency)
  wanted=$((${wanted:-50} + 2))
  spare=$(ask 1000 "${AWS[@]}" lambda get-account-settings --query AccountLimit.UnreservedConcurrentExecutions --output text 2>/dev/null) || spare=''
  case $spare in
    '' | *[!0-9]*) warn "how many concurrent executions are unreserved cannot be seen: none is reserved for the hub" ;;
    *)
      if [ "$spare" -ge $((wanted + 100)) ]; then
        set_parameter WorkerConcurrency "$wanted"
      elif [ "$spare" -ge "$wanted" ]; then
        warn "this account has only $spare unreserved concurrent executions: none is reserved for the hub"
      else
        warn "this account has only $spare unreserved concurrent executions, and the hub would use $wanted: say --parameter MaxConcurrency=$((spare > 12 ? spare - 10 : 2)), or ask for more"
      fi
      ;;
  esac
}

# ---- The role in the accounts ----------------------------------------------------------------------

# What both, the set and the stack, are told.
reader_parameters() {
  local value
  printf 'HubAccount=%s\n' "$ACCOUNT"
  value=$(coming HubRoleName)
  printf 'HubRoleName=%s\n' "${value:-ConnectQuotaMonitorFleet}"
  value=$(coming FleetRoleName)
  printf 'RoleName=%s\n' "${value:-ConnectQuotaMonitorReader}"
  value=$(coming OrganizationId)
  [ -z "$value" ] || printf 'OrganizationId=%s\n' "$value"
  value=$(coming FleetExternalId)
  [ -z "$value" ] || printf 'ExternalId=%s\n' "$value"
}

# The same as JSON, because a value may hold what the CLI's own short form reads as its end.
reader_parameters_json() {
  local pair comma=''
  printf '['
  while IFS= read -r pair; do
    printf '%s{"ParameterKey":%s,"ParameterValue":%s}' "$comma" "$(json_string "${pair%%=*}")" "$(json_string "${pair#*=}")"
    comma=,
  done <<END
$(reader_parameters)
END
  printf ']'
}

# Of the organization's root, where no units were given.
target_units() {
  local units
  units=$(coming FleetOus)
  [ -n "$units" ] || units=$(ask r-ROOT "${AWS[@]}" organizations list-roots --query 'Roots[0].Id' --output text 2>/dev/null) || units=r-ROOT
  case $units in '' | None) units=r-ROOT ;; esac
  [ "$ROLES" != deploy ] || [ "$units" != r-ROOT ] || [ "$DRY_RUN" = yes ] ||
    die "the organization's root cannot be seen: say --ous, or --roles print"
  printf '%s' "$units"
}

# `wait_for_set OPERATION`: until it has ended.
wait_for_set() {
  local status='' failed waited=0
  [ "$ROLES" = deploy ] && [ "$DRY_RUN" = no ] || return 0
  say "Waiting for the accounts (StackSet operation $1)"
  while [ "$waited" -lt 3600 ]; do
    status=$("${AWS[@]}" cloudformation describe-stack-set-operation --stack-set-name "$READER_SET" --operation-id "$1" \
      --call-as "$CALL_AS" --query StackSetOperation.Status --output text) || status=unknown
    case $status in QUEUED | RUNNING | STOPPING) ;; *) break ;; esac
    sleep 15
    waited=$((waited + 15))
  done
  [ "$status" != SUCCEEDED ] || return 0
  # The tolerance is 100 percent, so one account does not keep the others from their role.
  failed=$("${AWS[@]}" cloudformation list-stack-set-operation-results --stack-set-name "$READER_SET" --operation-id "$1" \
    --call-as "$CALL_AS" --output text --query "Summaries[?Status!='SUCCEEDED'] | [:10].[Account, Status, StatusReason]" 2>/dev/null) || failed=''
  warn "StackSet operation $1 ended as $status. Not every account has the role; the fleet's page names them as no_role."
  [ -z "$failed" ] || printf 'Accounts, at most ten:\n%s\n' "$failed" >&2
}

deploy_roles() {
  local units pair there=no operation=''
  local -a PAIRS
  PAIRS=()
  while IFS= read -r pair; do
    PAIRS+=("$pair")
  done <<END
$(reader_parameters)
END
  units=$(target_units)
  if [ "$ROLES" = deploy ]; then
    say "Making the role in the accounts of $units"
    HALF_DONE="the hub is deployed, but the role may not be in all accounts. Run this script again with the same options."
    ! ask '' "${AWS[@]}" cloudformation describe-stack-set --stack-set-name "$READER_SET" --call-as "$CALL_AS" \
      --query StackSet.Status --output text >"$WORK/set" 2>"$WORK/error" || there=yes
    [ "$DRY_RUN" = no ] || there=no
    [ "$there" = yes ] || [ "$DRY_RUN" = yes ] || grep -q StackSetNotFound "$WORK/error" ||
      die "StackSet $READER_SET cannot be looked at: $(cat "$WORK/error")"
  else
    say ""
    say "The hub sees nothing until its role is in the accounts. Two commands for the organization, in its management account"
    say "or a delegated administrator's (then with --call-as DELEGATED_ADMIN); IAM is global, so one Region is enough:"
  fi
  set -- --stack-set-name "$READER_SET" --template-body "file://$HERE/fleet/reader-role.yaml" \
    --capabilities CAPABILITY_NAMED_IAM --call-as "$CALL_AS" --parameters "$(reader_parameters_json)"
  if [ "$there" = yes ]; then
    operation=$(run "${AWS[@]}" cloudformation update-stack-set "$@" --query OperationId --output text \
      --operation-preferences FailureTolerancePercentage=100,MaxConcurrentPercentage=100) ||
      die "StackSet $READER_SET was not updated: see above"
    wait_for_set "$operation"
  else
    with_roles "${AWS[@]}" cloudformation create-stack-set "$@" --permission-model SERVICE_MANAGED \
      --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
      --description "The role that the Amazon Connect quota monitor reads with" >"$WORK/answer" || die "StackSet $READER_SET was not made: see above"
  fi
  if [ "$ROLES" = deploy ]; then
    operation=$(run "${AWS[@]}" cloudformation create-stack-instances --stack-set-name "$READER_SET" --call-as "$CALL_AS" \
      --deployment-targets "OrganizationalUnitIds=$units" --regions "$REGION" --query OperationId --output text \
      --operation-preferences FailureTolerancePercentage=100,MaxConcurrentPercentage=100) ||
      die "the accounts of $units did not get the role: see above"
    wait_for_set "$operation"
  else
    show "${AWS[@]}" cloudformation create-stack-instances --stack-set-name "$READER_SET" --call-as "$CALL_AS" \
      --deployment-targets "OrganizationalUnitIds=$units" --regions "$REGION" \
      --operation-preferences FailureTolerancePercentage=100,MaxConcurrentPercentage=100
  fi
  # The management account gets no stack of a StackSet.
  if [ "$ROLES" = deploy ] && [ "$ACCOUNT" = "$MANAGEMENT" ]; then
    run "${AWS[@]}" cloudformation deploy --stack-name "$READER_SET" --template-file "$HERE/fleet/reader-role.yaml" \
      --parameter-overrides "${PAIRS[@]}" --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset ||
      die "the management account did not get the role: see above"
  else
    say "And the same role as a stack of its own, with the credentials of each account that the StackSet does not reach (the management"
    say "account${MANAGEMENT:+ $MANAGEMENT}, accounts outside the organization):"
    show aws --region "$REGION" cloudformation deploy --stack-name "$READER_SET" --template-file "$HERE/fleet/reader-role.yaml" \
      --parameter-overrides "${PAIRS[@]}" --capabilities CAPABILITY_NAMED_IAM
  fi
}

# After the hub is gone. It leaves nothing in the accounts but the role.
say_how_to_remove_roles() {
  local units
  units=$(target_units)
  say "Left in the accounts: the role, which nobody can take any more while no role of the hub's name is in account $ACCOUNT. To remove it:"
  show "${AWS[@]}" cloudformation delete-stack-instances --stack-set-name "$READER_SET" --call-as "$CALL_AS" \
    --deployment-targets "OrganizationalUnitIds=$units" --regions "$REGION" --no-retain-stacks \
    --operation-preferences FailureTolerancePercentage=100,MaxConcurrentPercentage=100
  say "and, when that operation has ended:"
  show "${AWS[@]}" cloudformation delete-stack-set --stack-set-name "$READER_SET" --call-as "$CALL_AS"
  say "and in each account that has it as a stack of its own, such as the management account${MANAGEMENT:+ $MANAGEMENT}:"
  show aws --region "$REGION" cloudformation delete-stack --stack-name "$READER_SET"
}

# ---- The hub ---------------------------------------------------------------------------------------

# A schedule that somebody switched off stays off, and CloudFormation does not see that.
check_fleet_schedule() {
  local name state
  name=$(physical_id Schedule)
  state=$(ask ENABLED "${AWS[@]}" scheduler get-schedule --name "$name" --query State --output text) || state=unknown
  [ "$state" = ENABLED ] ||
    warn "the schedule $name is not switched on (it is $state), so the fleet is not measured: switch it on in the console of EventBridge Scheduler"
}

# Which cells there are, in the function's own words.
discover() {
  say "Looking for accounts and Regions"
  if invoke '{"fleet":"discover"}' "$WORK/discover.json"; then
    [ "$DRY_RUN" = yes ] || say "  Accounts: $(field accounts <"$WORK/discover.json"). Accounts and Regions to measure: $(field expected <"$WORK/discover.json")."
  else
    warn "the first discovery failed: see above. The state machine tries again each hour, or say: $(output DiscoverCommand)"
  fi
}

delete_fleet() {
  local given
  read_stack "status"$'\t\t'"CREATE_COMPLETE"
  given=$(stack_value parameter CodeS3Bucket)
  if [ -n "$STATUS" ]; then
    deletion_is_allowed
    read_resources "SnapshotsTable"$'\t'"<SnapshotsTable>"$'\n'"HistoryBucket"$'\t'"<HistoryBucket>"
    [ -n "$(physical_id Machine)" ] || [ "$DRY_RUN" = yes ] || [ ! -s "$WORK/resources" ] ||
      die "stack $STACK is no hub of a fleet, so nothing was changed: say --stack-name, or leave --fleet out"
    plan_kept
    [ -z "$KEPT" ] || say "${KEPT//Kept: /Will be kept: }"
    confirm "Delete stack $STACK, the hub of a fleet, in $REGION of account $ACCOUNT?"
    say "Deleting stack $STACK"
    delete_stack
    say "Stack $STACK is deleted."
    [ -z "$KEPT" ] || say "$KEPT"
    KEPT=''
  else
    say "There is no stack $STACK in $REGION."
  fi
  HALF_DONE="what is left of stack $STACK is not all removed or named. Run this script with --fleet --delete again."
  delete_code_bucket "$given"
  ROLES=print
  check_organization
  say_how_to_remove_roles
  HALF_DONE=''
}

deploy_fleet() {
  local subscriber=old
  TEMPLATE=$HERE/fleet/hub.yaml
  CAPABILITY=CAPABILITY_NAMED_IAM
  ROLES=${ROLES:-print}
  # Scheduler queues in the name of its role.
  KEYS_USERS='cloudwatch.amazonaws.com logs.'
  [ -r "$HERE/fleet/reader-role.yaml" ] || die "fleet/reader-role.yaml is not beside this script, and the accounts need it"
  if [ "$DELETE" = yes ]; then
    check_aws
    delete_fleet
    return
  fi
  check_parameters
  check_aws
  command -v unzip >/dev/null 2>&1 || die "unzip is not installed, and the package must be looked into"
  [ -n "$ZIP$RELEASE" ] || check_build_tools
  prepare_stack
  [ -z "$STATUS" ] || [ "$DRY_RUN" = yes ] || [ -n "$(output MachineArn)" ] || [ "$STATUS" = UPDATE_FAILED ] ||
    die "stack $STACK is no hub of a fleet: say --stack-name, or leave --fleet out"
  check_rules
  check_organization
  check_hub_role
  [ "$CODE_BUCKET" = "$(default_code_bucket)" ] || check_bucket --code-bucket "$CODE_BUCKET"
  check_key
  check_subscriber
  reserve_workers
  if [ -n "$RELEASE" ]; then
    # The templates are those of this folder, and so of one version.
    command -v curl >/dev/null 2>&1 || die "curl is not installed, and --release needs it"
    mkdir "$WORK/release"
    fetch SHA256SUMS
    fetch_package
  elif [ -z "$ZIP" ]; then
    build
  fi
  check_package
  upload
  [ -n "$STATUS" ] && [ "$(coming NotificationEmail)" = "$(stack_value parameter NotificationEmail)" ] || subscriber=new
  deploy_stack
  read_stack "status"$'\t\t'"CREATE_COMPLETE"$'\n'"output"$'\t'"FunctionName"$'\t'"<FunctionName>"$'\n'"output"$'\t'"TopicArn"$'\t'"<TopicArn>"
  read_resources "Schedule"$'\t'"<Schedule>"
  check_fleet_schedule
  [ "$CHECKS" = no ] || send_test_alert
  report_subscription "$subscriber"
  deploy_roles
  if [ "$ROLES" = deploy ]; then
    [ "$CHECKS" = no ] || discover
  else
    say "Then look for accounts and Regions, or let the schedule do it within the hour:"
    say "  $(output DiscoverCommand)"
  fi
  [ "$DRY_RUN" = yes ] || say "Logs: $(output LogsCommand)"
  HALF_DONE=''
}

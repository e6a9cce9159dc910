#!/bin/sh
# devices.sh CNNRUN [OPTION ...]: what is found, what is not, and what is said then. Options go to cnnrun. Status 77
# where lavapipe is not what the loader finds: those parts of the test that need it did not run.
set -u
cnnrun=$1
shift
pipeline=$(cd "$(dirname "$0")/../.." && pwd)/pipelines/synthetic.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset CNNRUN_VK_ALLOW_CPU CNNRUN_VK_STAGING CNNRUN_VK_LIMITS CNNRUN_VK_LOSE_AT CNNRUN_VK_VALIDATE CNNRUN_VULKAN_LOADER

fail() {
    echo "failed: $*" >&2
    cat log >&2
    exit 1
}

says() { # PATTERN
    grep -q -- "$1" log || fail "'$1' is not said"
}

# refused DEVICE STATUS PATTERN...: opening a device ends so, with one error and nothing from drivers.
refused() {
    device=$1 wanted=$2
    shift 2
    "$cnnrun" show placement "$pipeline" "backend=$device" $options >log 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "backend $device: status $status, not $wanted"
    [ "$(grep -c 'error: ' log)" -eq 1 ] || fail "backend $device: not one error"
    for pattern in "$@"; do says "$pattern"; done
}

opens() { # DEVICE
    "$cnnrun" show placement "$pipeline" "backend=$1" $options >log 2>&1 || fail "backend $1: status $?"
}

devices() {
    "$cnnrun" devices $options >log 2>&1 || fail "cnnrun devices: status $?"
}

options=$*
packages='apt install libvulkan1 mesa-vulkan-drivers'

# ---- nothing there

CNNRUN_VULKAN_LOADER=/nonexistent
export CNNRUN_VULKAN_LOADER
devices
says 'vulkan:0 .*no device'
says "cannot be used: the Vulkan loader cannot be opened: /nonexistent.*$packages"
refused vulkan 3 'the Vulkan loader cannot be opened' "$packages"
refused vulkan:0 3 'the Vulkan loader cannot be opened' "$packages"
CNNRUN_VULKAN_LOADER=$(command -v true) # a file, but no library
devices
says 'cannot be used: the Vulkan loader cannot be opened'
unset CNNRUN_VULKAN_LOADER

(
    VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent
    export VK_ICD_FILENAMES VK_DRIVER_FILES
    devices
    says "cannot be used: no driver for Vulkan is installed.*$packages"
    refused vulkan 3 'no driver for Vulkan is installed' "$packages"
    refused vulkan:name=llvmpipe 3 'no driver for Vulkan is installed' "$packages"
) || exit 1

# ---- lavapipe alone

devices
if [ "$(grep -c '^  vulkan:' log)" -ne 1 ] || ! grep -q '^  vulkan:0 .*llvmpipe' log; then
    echo "skipped: lavapipe is not the only device"
    cat log
    exit 77
fi
says '^  vulkan:0 .*(llvmpipe Mesa [0-9].*GiB, only when asked for by name'
"$cnnrun" devices --json $options >log 2>&1 || fail "cnnrun devices --json: status $?"
says '"backend": "vulkan", "index": 0, "name": "llvmpipe.*"automatic": false, "usable": true, "reason": ""'

opens vulkan:0
opens vulkan:name=LLVMpipe
refused vulkan 3 'there is no GPU, only the software driver llvmpipe' 'vulkan:0 or CNNRUN_VK_ALLOW_CPU=1'
refused vulkan:7 3 "no device has the number '7'; there are: 0: llvmpipe"
refused vulkan:99999999999999999999 2 "names no device"
refused vulkan:name=radeon 3 "no device is called 'radeon'; there are: 0: llvmpipe"
refused vulkan:uuid=00000000-0000-0000-0000-000000000000 3 "no device has the UUID '00000000-"
refused vulkan:uuid=12 2 "'12' is no UUID"
refused vulkan:gpu 2 "'gpu' names no device" 'vulkan:name=TEXT'

CNNRUN_VK_ALLOW_CPU=1
export CNNRUN_VK_ALLOW_CPU
opens vulkan
unset CNNRUN_VK_ALLOW_CPU
"$cnnrun" show placement "$pipeline" backend=auto $options >log 2>&1 || fail "backend auto: status $?"
grep -q vulkan log && fail "auto took a software driver"

# ---- what tests ask for

with() { # VARIABLE=VALUE STATUS PATTERN...
    variable=$1
    shift
    (
        export "$variable"
        refused vulkan:0 "$@"
    ) || exit 1
}
with CNNRUN_VK_VALIDATE=all 2 "CNNRUN_VK_VALIDATE is 'all'; it can be core, sync or gpu"
with CNNRUN_VK_LIMITS=groups=few 2 "CNNRUN_VK_LIMITS: 'groups=few' is no limit" storage_range
with CNNRUN_VK_LOSE_AT=soon 2 "CNNRUN_VK_LOSE_AT is 'soon', not a number"

# ---- a device that is lost while it trains

(
    CNNRUN_VK_LOSE_AT=9
    export CNNRUN_VK_LOSE_AT
    "$cnnrun" train "$pipeline" backend=vulkan:0 output.dir=lost train.epochs=1 $options >log 2>&1
    status=$?
    [ $status -ne 0 ] && [ $status -lt 128 ] || fail "losing the device: status $status"
    [ "$(grep -c 'error: ' log)" -eq 1 ] || fail "losing the device: not one error"
    says VK_ERROR_DEVICE_LOST
    says 'a smaller batch.*the last checkpoint is kept'
) || exit 1

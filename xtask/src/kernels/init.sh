#!/bin/sh
# The first process of an emulated machine: runs the tests and turns the machine off.
export PATH=/bin LB_BINARY=/bin/lb LAB_SLOWNESS=5
for program in $(busybox --list); do
    [ -e "/bin/$program" ] || busybox ln -s busybox "/bin/$program"
done
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
for module in /modules/*.ko; do
    insmod "$module"
done
ip link set lo up
uname -r
@TESTS@
echo o >/proc/sysrq-trigger
sleep 10

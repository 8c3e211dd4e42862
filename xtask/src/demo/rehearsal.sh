# Runs a demo, interrupted amid its traffic where the first argument is "yes", and fails where it leaves anything behind.
interrupted=$1
shift
mount -t tmpfs run /run && mount -t bpf bpf /sys/fs/bpf || exit 2
"$@" &
demo=$!
expected=0
if [ "$interrupted" = yes ]; then
    expected=130
    # The first answer of a server: everything runs, and clients are on their way.
    until [ -s /run/lb-demo/web1.access ]; do
        kill -0 "$demo" || exit 1
        sleep 0.05
    done
    kill -INT "$demo"
fi
wait "$demo"
status=$?
[ "$status" = "$expected" ] || { echo "the demo ended with $status instead of $expected"; exit 1; }
left() {
    # The kernel itself puts two files into every BPF file system.
    find /run/netns /run/lb-demo /sys/fs/bpf -mindepth 1 ! -name maps.debug ! -name progs.debug 2>/dev/null
    # A process without a program is one that only waits to be reaped; those of this pipeline are ours.
    for process in /proc/[0-9]*; do
        readlink "$process/exe"
    done | grep -v -e '/dash$' -e '/sh$' -e '/sleep$' -e '/readlink$' -e '/grep$'
}
# What was killed takes a moment to go.
for look in 1 2 3 4 5 6 7 8 9 10; do
    [ -z "$(left)" ] && exit 0
    sleep 0.1
done
echo "the demo left: $(left)"
exit 1

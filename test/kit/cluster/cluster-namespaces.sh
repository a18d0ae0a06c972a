# The first process of a cluster's namespaces: arranges them, and runs a command in them.
# Usage: cluster-namespaces.sh ADDRESSES COMMAND [ARGUMENT...]
set -e
addresses=$1
shift

# Everything is written to memory: no file outlives the cluster, and etcd is not slowed by the disk.
mount -t tmpfs -o mode=755,size=75% tmpfs /run
mkdir -m 1777 /run/tmp
mkdir -p /run/netns /run/sys /run/var/upper /run/var/work
mount -t overlay -o lowerdir=/var,upperdir=/run/var/upper,workdir=/run/var/work overlay /var

# The kubelet sets these for the whole machine. In its own /proc it finds files with the values that it expects.
pretend() {
  file=/run/sys/$(echo "$1" | tr / .)
  echo "$2" > "$file"
  mount --bind "$file" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

ip link set lo up
for address in $addresses; do ip address add "$address/32" dev lo; done

set +e
# Not by exec: the first process has to pick up the orphans, which a shell does.
"$@"
exit $?

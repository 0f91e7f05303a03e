#!/bin/sh
# Run a real cron daemon over one crontab, in namespaces of its own: nothing of this machine changes,
# and all that it starts ends with it. Mail becomes files.
# Usage, as root: unshare --mount --pid --fork --mount-proc --kill-child crond.sh CRONTAB MAILBOX
set -eu
crontab=$1 mailbox=$2
mount -t tmpfs none /etc/cron.d            # the system's own entries are not ours to start
mount --bind /dev/null /etc/crontab
mount -t tmpfs none /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
chgrp crontab /var/spool/cron/crontabs
mount -t tmpfs none /run                   # the lock of a cron daemon that may run outside
mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work none /usr/sbin
cat > /usr/sbin/sendmail <<EOF
#!/bin/sh
exec cat > "\$(mktemp '$mailbox/XXXXXX')"
EOF
chmod 755 /usr/sbin/sendmail
crontab "$crontab"
exec cron -f

#!/bin/sh
# Tries need_packages of packages.sh with false apt-get, sudo and id: what it says, does and returns in every case.
# SPDX-License-Identifier: MIT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
wrong=0

tool() { # name, body: a false program of this computer
  printf '#!/bin/sh\n%s\n' "$2" >"$box/bin/$1"
  chmod +x "$box/bin/$1"
}

computer() { # user id: an empty computer where only the shell and env work
  rm -rf "${box:?}/bin" && mkdir "$box/bin"
  ln -s "$(command -v sh)" "$box/bin/sh"
  ln -s "$(command -v env)" "$box/bin/env"
  tool id "echo $1"
  : >"$box/calls"
}

# An apt-get that writes down how it was called and brings the commands it is asked for.
apt_get='echo "apt-get $*" >>BOX/calls
for p; do
  case $1:$p in install:*-tool) printf "#!/bin/sh\n" >BOX/bin/$p && CHMOD +x BOX/bin/$p ;; esac
done'
apt_get=$(echo "$apt_get" | sed "s|BOX|$box|g; s|CHMOD|$(command -v chmod)|g")

expect() { # what, wanted status, wanted words in the output, wanted words in the calls
  status=0
  PATH="$box/bin" sh -c '. "$1"; need_packages "$2"; echo went on' sh "$here/packages.sh" "$needs" >"$box/out" 2>&1 ||
    status=$?
  ok=yes
  [ "$status" = "$2" ] || ok="status $status, wanted $2"
  grep -q -e "$3" "$box/out" || ok="did not say '$3'"
  [ -z "$4" ] || grep -q -e "$4" "$box/calls" || ok="did not call '$4'"
  [ -n "$4" ] || [ ! -s "$box/calls" ] || ok="called something"
  [ "$ok" = yes ] || { wrong=1 && echo "$1: $ok" && cat "$box/out" "$box/calls"; }
}

needs='
  sh dash
  first-tool first-tool
  second-tool second-tool
'
computer 0
tool first-tool '' && tool second-tool ''
expect 'nothing is missing' 0 '^went on$' ''

computer 0
tool first-tool ''
expect 'no apt-get' 1 'missing: second-tool (' ''
QUENCH_NO_INSTALL=1
export QUENCH_NO_INSTALL
expect 'told not to install' 0 'missing, not installed.*: second-tool$' ''
unset QUENCH_NO_INSTALL

tool apt-get "$apt_get"
expect 'root' 0 '^installing: second-tool$' '^apt-get install -y .*--no-install-recommends second-tool$'
: >"$box/calls"
expect 'root, a second time' 0 '^went on$' ''

computer 1000
tool apt-get "$apt_get"
expect 'neither root nor sudo' 1 'as root, apt-get install first-tool second-tool$' ''
tool sudo "echo \"sudo \$*\" >>$box/calls; exec \"\$@\""
expect 'sudo' 0 '^installing: first-tool second-tool$' '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install'

computer 0
tool apt-get "echo apt-get >>$box/calls; echo 'no such package' >&2; exit 100"
expect 'apt-get fails' 1 'apt-get install first-tool second-tool failed' '^apt-get'
computer 0
tool apt-get "echo apt-get >>$box/calls"
expect 'apt-get brings nothing' 1 'still not found: first-tool second-tool' '^apt-get'

needs='
  header:no/such.h header-package
  python:no_such_module module-package
  /no/such/file file-package
'
computer 0
expect 'other things' 1 'missing: header-package module-package file-package (' ''
[ "$wrong" = 0 ] && echo 'packages.sh does as it says'
exit "$wrong"

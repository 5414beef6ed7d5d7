#!/usr/bin/env python3
# Passes when a command (arguments STATUS TEXT COMMAND...) ends with the wanted exit status and prints the text.
# SPDX-License-Identifier: MIT
import subprocess, sys

status, text, *command = sys.argv[1:]
run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print(run.stdout, end='')
if run.returncode != int(status):
    sys.exit(f'{command[0]}: exit status {run.returncode}, wanted {status}')
if text not in run.stdout:
    sys.exit(f'{command[0]}: did not print "{text}"')

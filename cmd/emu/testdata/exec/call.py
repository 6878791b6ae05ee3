"""Calls the address in its argument with urllib, unmodified."""

import sys
import urllib.request

print(urllib.request.urlopen(sys.argv[1]).read().decode())

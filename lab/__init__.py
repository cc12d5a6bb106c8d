"""The lab: two systemd-nspawn hosts on one machine, a power switch that fences them, and telephones.

Everything of it lives in one network namespace and under one directory (see `config`).
"""

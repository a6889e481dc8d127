# SPDX-License-Identifier: Apache-2.0
"""What the namespace tests stand on: namespaces, labs, programs, probes, and the meaning of the flags."""

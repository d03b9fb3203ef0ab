"""What the installed Cinder's own policy engine makes of its defaults and of a file: JSON {rule: check} on standard output.

    python3 policy_rules.py [POLICY_FILE [POLICY_DIR]]
"""
import json
import sys
import warnings

from cinder import policies
from oslo_config import cfg
from oslo_policy import opts
from oslo_policy import policy

warnings.simplefilter("ignore")
conf = cfg.ConfigOpts()
conf([])
opts.set_defaults(conf, policy_file=sys.argv[1] if len(sys.argv) > 1 else "/nonexistent")
conf.set_override("policy_dirs", sys.argv[2:3], "oslo_policy")
enforcer = policy.Enforcer(conf)
enforcer.register_defaults(list(policies.list_rules()))
enforcer.load_rules()
# Fails on rules that name one that is not there, and on circles.
enforcer.check_rules(raise_on_violation=True)
json.dump({name: str(check) for name, check in enforcer.rules.items()}, sys.stdout)

"""Asks Debian's oslo.policy, as Cinder does. Reads a JSON object a line, writes one a line."""
import json
import sys
import warnings

from oslo_config import cfg
from oslo_policy import policy

warnings.filterwarnings("ignore")

for line in sys.stdin:
    ask = json.loads(line)
    conf = cfg.ConfigOpts()
    conf([])
    enforcer = policy.Enforcer(conf, use_conf=False)
    for name, value in ask["options"].items():
        conf.set_override(name, value, group="oslo_policy")
    enforcer.set_rules(policy.Rules.from_dict({ask["rule"]: ask["check"]}))
    try:
        answer = bool(enforcer.enforce(ask["rule"], ask["target"], ask["credentials"]))
    except Exception as error:
        answer = type(error).__name__
    print(json.dumps(answer), flush=True)

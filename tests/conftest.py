"""For all tests: nothing is written to the run log of whoever runs them."""

import os

os.environ["MRKL_LOG"] = "off"

import argparse, sys
from .command import add_arguments, run

p = argparse.ArgumentParser()
add_arguments(p)
sys.exit(run(p.parse_args()))

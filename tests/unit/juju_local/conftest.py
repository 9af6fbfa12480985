import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # simulation.py: a helper of several test modules

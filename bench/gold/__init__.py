"""Read gold SQL for benches and training: its datasets, its trees and its canonical form."""

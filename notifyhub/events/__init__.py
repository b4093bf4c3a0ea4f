"""What other systems report: CloudEvents that become notifications of accounts."""

namespace OrleansFeatures.Acceptance.Tests;

/// <summary>What must be shown of the whole, on slices that fit into every test run. The whole: tests/acceptance/README.md.</summary>
public sealed class SliceTests
{
    [Fact]
    public Task The_published_fraud_features_of_the_first_events_and_nothing_changes_when_they_are_pushed_twice() =>
        AcceptanceScript.Pass("oracles.py", ["fraud", "--rows", "60000"], "fraud_events.csv.gz", "fraud_expected_features.csv.gz", "fraud_tie_exceptions.csv");

    [Fact]
    public Task Every_as_of_answer_about_devices_over_a_mobile_network() =>
        AcceptanceScript.Pass("oracles.py", ["asof", "ooo"], "ooo_events.csv.gz", "ooo_asof_oracle.csv.gz");

    [Fact]
    public Task Nothing_is_lost_or_doubled_when_the_server_is_killed_in_the_middle_of_a_push() =>
        AcceptanceScript.Pass("kill9.py", ["--rows", "40000", "--kills", "3"], "fraud_events.csv.gz", "fraud_expected_features.csv.gz", "fraud_tie_exceptions.csv");
}

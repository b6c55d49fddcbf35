namespace OrleansFeatures.Acceptance.Tests;

/// <summary>What must be shown of the whole, on slices that fit into every test run. The whole: tests/acceptance/README.md.</summary>
public sealed class SliceTests
{
    private static readonly string[] FraudFiles = ["fraud_events.csv.gz", "fraud_expected_features.csv.gz", "fraud_tie_exceptions.csv"];

    [Fact]
    public Task The_published_fraud_features_of_the_first_events_and_nothing_changes_when_they_are_pushed_twice() =>
        AcceptanceScript.Pass("oracles.py", ["fraud", "--rows", "60000"], FraudFiles);

    /// <summary>Both what was known at each instant and what is known today.</summary>
    [Fact]
    public Task Every_as_of_answer_about_devices_over_a_mobile_network() =>
        AcceptanceScript.Pass("oracles.py", ["asof", "ooo"], "ooo_events.csv.gz", "ooo_asof_oracle.csv.gz");

    [Fact]
    public Task The_published_fraud_features_after_a_history_of_mistakes_and_its_corrections() =>
        AcceptanceScript.Pass("oracles.py", ["corrections", "--rows", "25000"], FraudFiles);

    [Fact]
    public Task Views_that_allow_an_hour_refuse_exactly_the_events_that_are_later_and_answer_without_them() =>
        AcceptanceScript.Pass("oracles.py", ["asof", "stress", "--policy", "drop_late"], "stress_stream.jsonl.gz", "stress_labels.csv.gz", "stress_asof_oracle.csv.gz");

    [Fact]
    public Task Every_row_of_seven_nexmark_queries_from_features_alone() => AcceptanceScript.Pass(
        "oracles.py", ["nexmark"], ["nexmark_stream.jsonl.gz", .. new[] { 5, 7, 11, 16, 17, 18, 19 }.Select(query => $"nexmark_q{query}.csv.gz")]);

    [Fact]
    public Task Nothing_is_lost_or_doubled_when_the_server_is_killed_in_the_middle_of_a_push() =>
        AcceptanceScript.Pass("kill9.py", ["--rows", "40000", "--kills", "3"], FraudFiles);

    [Fact]
    public Task Four_clients_outlive_a_server_that_is_killed_under_them_and_every_event_is_there_once() =>
        AcceptanceScript.Pass("torture.py", ["--rows", "30000", "--kills", "5"], FraudFiles);

    [Fact]
    public Task Four_clients_that_correct_what_they_said_outlive_a_server_that_is_killed_under_them() =>
        AcceptanceScript.Pass("torture.py", ["--rows", "15000", "--kills", "4", "--corrections"], FraudFiles);

    [Fact]
    public async Task A_window_that_is_one_second_too_short_does_not_get_past_the_oracle()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("orleans-features-");
        try
        {
            string right = await File.ReadAllTextAsync(AcceptanceScript.FraudDefinitions, TestContext.Current.CancellationToken);
            string wrong = right.Replace("{name: nb_tx_1d, aggregate: count, window: 1d}", "{name: nb_tx_1d, aggregate: count, window: 86399s}", StringComparison.Ordinal);
            wrong.ShouldNotBe(right);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "fraud.yaml"), wrong, TestContext.Current.CancellationToken);

            (int exitCode, string said) = await AcceptanceScript.Run("oracles.py", ["fraud", "--rows", "25000", "--definitions", folder.FullName], FraudFiles);

            exitCode.ShouldBe(1, said);
            said.ShouldContain("1 wrong");
            said.ShouldContain("customer_id_nb_tx_1day_window is 1, published is 2");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

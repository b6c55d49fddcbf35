using OrleansFeatures.Acceptance.Tests;
using OrleansFeatures.Postgres.Tests;

namespace OrleansFeatures.Silo.Tests.Processes;

/// <summary>Three silos as processes, with a PostgreSQL and a Redis of their own: slices that fit into every test run. The whole: tests/acceptance/README.md.</summary>
[Collection("processes")]
public sealed class ClusterProcessTests
{
    private static readonly string[] FraudFiles = ["fraud_events.csv.gz", "fraud_expected_features.csv.gz", "fraud_tie_exceptions.csv"];
    private static readonly string[] StressFiles = ["stress_stream.jsonl.gz", "stress_labels.csv.gz", "stress_asof_oracle.csv.gz"];

    [Fact]
    public Task The_published_fraud_features_of_events_that_came_twice_through_three_gateways() =>
        PassAsync("oracle", ["--sets", "fraud", "--rows", "20000"], FraudFiles);

    [Fact]
    public Task Views_that_allow_an_hour_refuse_exactly_the_events_that_are_later_whichever_gateway_takes_them() =>
        PassAsync("oracle", ["--sets", "stress", "--policies", "drop_late"], StressFiles);

    [Fact]
    public Task Silos_that_are_killed_added_ended_and_replaced_lose_nothing_and_count_nothing_twice() =>
        PassAsync("chaos", ["--phase", "8", "--rate", "400", "--lookups", "100", "--customers", "1000"]);

    private static Task PassAsync(string mode, string[] arguments, params string[] dataFiles)
    {
        Assert.SkipWhen(PostgresServer.WhyNot() is not null, PostgresServer.WhyNot() ?? "");
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        Assert.SkipUnless(folders.Any(folder => File.Exists(Path.Combine(folder, "redis-server"))), "redis-server is not installed here");
        return AcceptanceScript.Pass("cluster.py", [mode, .. arguments, "--silo", AcceptanceScript.BuiltFile("OrleansFeatures.Silo", "orleans-features-silo")], dataFiles);
    }
}

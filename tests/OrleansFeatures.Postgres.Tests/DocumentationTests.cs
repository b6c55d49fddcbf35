using System.Text.RegularExpressions;
using Npgsql;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests;

/// <summary>What docs/postgres.md tells operators to type works, on the tables as they are.</summary>
public sealed partial class DocumentationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Every_query_of_the_documentation_runs()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "OrleansFeatures.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        MatchCollection blocks = SqlBlock().Matches(await File.ReadAllTextAsync(Path.Combine(root, "docs", "postgres.md"), TestContext.Current.CancellationToken));
        blocks.Count.ShouldBeGreaterThanOrEqualTo(2);
        await using PostgresStore store = await postgres.OpenStoreAsync();
        foreach (Match block in blocks)
        {
            await using NpgsqlCommand command = store.DataSource.CreateCommand(block.Groups[1].Value);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
    }

    [GeneratedRegex("```sql\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex SqlBlock();
}

using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Gateway.Tests.Registry;

/// <summary>A small valid repository to start from, and the fraud repository of the demo.</summary>
internal static class Samples
{
    /// <summary>Line numbers are asserted: line 2 opens the stream, line 12 is the view, line 18 the first feature.</summary>
    public const string Small =
        """
        apiVersion: orleansfeatures/v1
        streams:
          - name: transactions
            version: 1
            event_id: tx_id
            event_time: tx_time
            fields: {tx_id: int64, tx_time: timestamp, customer_id: string, amount: double, fraud: bool}
        entities:
          - name: customer
            key: [customer_id]
        feature_views:
          - name: spend
            version: 1
            entity: customer
            stream: transactions
            where: amount > 0
            features:
              - {name: nb_1d, aggregate: count, window: 1d}
              - name: avg_7d
                aggregate: mean(amount)
                window: 7d
                default: 0
        feature_services:
          - name: fraud
            version: 1
            features: ["spend:nb_1d", "spend:avg_7d"]
        """;

    public static DefinitionReading Read(string text) => DefinitionReader.Read([new DefinitionSource("fraud.yaml", text)]);

    /// <summary>The small repository with one text replaced; the text must be there.</summary>
    public static string With(string old, string @new) => Small.Contains(old, StringComparison.Ordinal)
        ? Small.Replace(old, @new, StringComparison.Ordinal)
        : throw new ArgumentException($"the sample has no '{old}'", nameof(old));

    /// <summary>A path in the repository, from wherever the tests were built to.</summary>
    public static string RepositoryPath(string relative)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "OrleansFeatures.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder ?? throw new DirectoryNotFoundException("the tests do not lie inside the repository"), relative);
    }
}

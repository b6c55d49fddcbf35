using System.Text;
using OrleansFeatures.Postgres.Upstream;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>The event hub that a cluster reads, and how it is reached: by a connection string, or by a namespace and whoever the silo is to Azure.</summary>
public sealed record EventHubSource
{
    private const string Variable = "ORLEANS_FEATURES_EVENT_HUBS";
    private const string NamespaceVariable = "ORLEANS_FEATURES_EVENT_HUBS_NAMESPACE";
    private const string NameVariable = "ORLEANS_FEATURES_EVENT_HUBS_NAME";
    private const string GroupVariable = "ORLEANS_FEATURES_EVENT_HUBS_CONSUMER_GROUP";
    private const string StreamVariable = "ORLEANS_FEATURES_EVENT_HUBS_STREAM";

    /// <summary>The hub's name.</summary>
    public required string Hub { get; init; }

    /// <summary>The store's own.</summary>
    public required string ConsumerGroup { get; init; }

    /// <summary>Holds a secret.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>As <c>my-namespace.servicebus.windows.net</c>; empty with a connection string.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The stream of messages that name none; empty if they all have to.</summary>
    public string Stream { get; init; } = "";

    /// <summary>Null where no hub is configured. The variables are in docs/event-hubs.md.</summary>
    /// <exception cref="ArgumentException">They contradict each other; the message names the variable and what to do.</exception>
    public static EventHubSource? Read(Func<string, string?> environment)
    {
        string connection = Of(Variable);
        string space = Of(NamespaceVariable);
        string hub = Of(NameVariable);
        if (connection.Length == 0 && space.Length == 0)
        {
            return null;
        }

        if (connection.Length > 0 && space.Length > 0)
        {
            throw new ArgumentException($"{Variable} and {NamespaceVariable} are both set: give the connection string, or the namespace if the silo's own identity may read the hub");
        }

        if (hub.Length == 0 || hub.Contains('/'))
        {
            throw new ArgumentException($"{NameVariable} is '{hub}': give the event hub's name");
        }

        // The longest number of a partition that a hub has.
        int bytes = Encoding.UTF8.GetByteCount(UpstreamStream.ProducerOf(new UpstreamPartition(hub, "9999")));
        if (bytes > Domain.Limits.ProducerBytesMax)
        {
            throw new ArgumentException($"{NameVariable}: as a producer a partition of the hub has a name of {bytes} bytes, and at most {Domain.Limits.ProducerBytesMax} are possible: read a hub with a shorter name");
        }

        return new EventHubSource
        {
            Hub = hub,
            ConsumerGroup = Of(GroupVariable) is { Length: > 0 } group ? group : "$Default",
            ConnectionString = connection.Length > 0 ? connection : null,
            Namespace = space,
            Stream = Of(StreamVariable),
        };

        string Of(string variable) => environment(variable)?.Trim() ?? "";
    }

    /// <summary>Without the secret.</summary>
    public override string ToString() => $"{Hub}, group {ConsumerGroup}, {(ConnectionString is null ? Namespace : "by a connection string")}";
}

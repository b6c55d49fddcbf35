namespace OrleansFeatures.Silo;

/// <content>Those of the upstream.</content>
public static partial class Limits
{
    /// <summary>Messages of a hub upstream in one delivery. At some 10 events of 250 bytes each they make an append of 640 KB; at a hub's largest message, 1 MB, 256 MB of JSON, which is why it is not more.</summary>
    public const int UpstreamBatchMessages = 256;

    /// <summary>How long a delivery from upstream may take to become durable before it is given up and comes again: within the 30 s after which Orleans gives up its call, so that no two calls do the same work at once.</summary>
    public static readonly TimeSpan UpstreamTakeMax = TimeSpan.FromSeconds(20);

    /// <summary>How often a partition upstream keeps its position: what a lost silo has read a second time. One small write a second for each of some 32 partitions.</summary>
    public static readonly TimeSpan UpstreamPositionPeriod = TimeSpan.FromSeconds(1);
}

namespace OrleansFeatures.Postgres.Upstream;

/// <summary>How far each partition of each hub upstream has been taken in.</summary>
internal static class UpstreamTables
{
    public const string Version1 =
        """
        CREATE TABLE upstream_positions (
            hub text NOT NULL,
            partition text NOT NULL,
            sequence bigint NOT NULL,
            hub_offset text NOT NULL,
            moved_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (hub, partition)
        );
        """;
}

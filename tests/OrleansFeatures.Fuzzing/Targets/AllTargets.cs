using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Every target by name.</summary>
internal static class AllTargets
{
    private static readonly (string Name, Func<FuzzTarget> Create)[] Targets =
    [
        ("frames", () => new FramesTarget()),
        ("push", () => new PushTarget()),
        ("read", () => new ReadTarget()),
        ("json", () => new JsonTarget()),
        ("csv", () => new RowsTarget(isCsv: true)),
        ("jsonl", () => new RowsTarget(isCsv: false)),
        ("yaml", () => new YamlTarget()),
        ("expression", () => new ExpressionTarget()),
        ("record", () => new RecordTarget()),
        ("sums", () => new SumsTarget()),
        ("entity", () => new EntityTarget()),
        ("page", () => new PageTarget()),
        ("log", () => new LogTarget()),
        ("snapshot", () => new SnapshotTarget()),
        ("rest", () => new RestTarget()),
        ("http2", () => new Http2Target()),
    ];

    public static string[] Names => [.. Targets.Select(target => target.Name)];

    public static FuzzTarget Create(string name) => Targets.First(target => target.Name == name).Create();
}

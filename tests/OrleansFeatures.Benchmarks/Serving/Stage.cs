using Google.Protobuf;
using Grpc.Net.Client;
using OrleansFeatures.Benchmarks.Kernel;
using OrleansFeatures.Benchmarks.Serving.Echo;
using OrleansFeatures.Benchmarks.Serving.Redis;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>
/// What a run of the suite plays on: the store with a day of payments, an echo that answers with as many bytes as it does (and makes pushes durable as they come), and, where there is a redis-server, the same payments behind the service over Redis. Each is a process
/// of its own, so its CPU time is its own; the clients are this process.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    private const int PushBatch = 1_000;
    private const int PushesAtOnce = 8;

    private readonly List<Target> _targets = [];
    private readonly string _program;
    private RedisServer? _redis;

    private Stage(string program, string directory, Cards cards, PushRequest[] past) => (_program, Directory, Cards, Past) = (program, directory, cards, past);

    public static string Definitions => Path.Combine(Places.Root, "tests", "OrleansFeatures.Benchmarks", "Serving", "definitions");

    public Cards Cards { get; }

    /// <summary>The payments that every store has been given: the past day's.</summary>
    public PushRequest[] Past { get; }

    /// <summary>A folder for this run; goes with it.</summary>
    public string Directory { get; }

    public Target Store { get; private set; } = null!;

    /// <summary>Answers with what the store answers one row of twenty features with.</summary>
    public Target Echo { get; private set; } = null!;

    /// <summary>Null where there is no redis-server. Its CPU time is that of the service and of redis-server.</summary>
    public Target? Redis { get; private set; }

    public string? RedisVersion => _redis?.Version;

    public static async Task<Stage> SetAsync(string program, string? parent, Pace pace)
    {
        var cards = new Cards(pace.Cards);
        string directory = System.IO.Directory.CreateDirectory(Path.Combine(parent ?? Path.GetTempPath(), $"serving-benchmark-{Guid.NewGuid():N}")).FullName;
        var stage = new Stage(program, directory, cards, [.. cards.PastDay(pace.PastPayments, PushBatch)]);
        stage.Store = stage.Add(await stage.StartStoreAsync("data", directory, stage.Past));
        stage.Echo = stage.Add(new Target("echo", await ServerProcess.StartOwnAsync(EchoProgram.Name, "--answer", await stage.SaveAnswerAsync(), "--log", Path.Combine(directory, "echo"))));
        stage._redis = RedisServer.Start();
        if (stage._redis is { } redis)
        {
            stage.Redis = stage.Add(new Target("redis", await ServerProcess.StartOwnAsync(RedisProgram.Name, "--redis", $"{redis.Port}"), redis.CpuTime));
            await PushAsync(stage.Redis, stage.Past);
        }

        return stage;
    }

    /// <summary>Another store, with data in a folder of its own; the caller ends it.</summary>
    public async Task<Target> StartStoreAsync(string name, string parent, params PushRequest[] payments)
    {
        var store = new Target("store", await ServerProcess.StartAsync(_program, Path.Combine(parent, name), Definitions));
        await PushAsync(store, payments);
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Target target in _targets)
        {
            await target.DisposeAsync();
        }

        _redis?.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static Task PushAsync(Target target, PushRequest[] payments)
    {
        int next = -1;
        return Task.WhenAll(Enumerable.Range(0, PushesAtOnce).Select(async client =>
        {
            var ingest = new IngestService.IngestServiceClient(target.Channel(client));
            for (int index = Interlocked.Increment(ref next); index < payments.Length; index = Interlocked.Increment(ref next))
            {
                PushResponse answer = await ingest.PushAsync(payments[index]);
                if (answer.Accepted != payments[index].Columns.Count)
                {
                    throw new InvalidOperationException($"{target.Name}: of {payments[index].Columns.Count} payments {answer.Accepted} were accepted");
                }
            }
        }));
    }

    private async Task<string> SaveAnswerAsync()
    {
        string file = Path.Combine(Directory, "answer");
        GetFeaturesResponse answer = await new FeatureService.FeatureServiceClient(Store.Channel(0)).GetFeaturesAsync(Serving.Cards.Lookup(Serving.Cards.TwentyFeatures, [0]));
        await File.WriteAllBytesAsync(file, answer.ToByteArray());
        return file;
    }

    private Target Add(Target target)
    {
        _targets.Add(target);
        return target;
    }
}

/// <summary>A server that is asked, over a few connections; ends with it.</summary>
internal sealed class Target(string name, ServerProcess process, Func<TimeSpan>? alsoCpu = null) : IAsyncDisposable
{
    public const int Connections = 4;

    private readonly GrpcChannel[] _channels = [.. Enumerable.Range(0, Connections).Select(_ => GrpcChannel.ForAddress(process.Grpc))];
    private readonly GrpcChannel _producer = GrpcChannel.ForAddress(process.Grpc);

    public string Name => name;

    public string Address => process.Grpc;

    public int ProcessId => process.Id;

    /// <summary>A client's connection; four carry twice what one does.</summary>
    public GrpcChannel Channel(int client) => _channels[client % _channels.Length];

    /// <summary>The connection of whoever pushes while others look up: an event stream does not come from those who ask for features.</summary>
    public GrpcChannel Producer => _producer;

    /// <summary>User and system time of everything behind it.</summary>
    public TimeSpan CpuTime() => process.CpuTime() + (alsoCpu?.Invoke() ?? TimeSpan.Zero);

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
        {
            channel.Dispose();
        }

        _producer.Dispose();
        await process.DisposeAsync();
    }
}

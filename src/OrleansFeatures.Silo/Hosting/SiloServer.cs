using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Dashboard;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Operations;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>
/// One silo in this process: the store in PostgreSQL, Orleans with the entities, the gateway for all of the cluster's. From start to disposal it listens on its ports.
/// <code>
///   start:  PostgreSQL, Redis ──> Orleans joins ──> gateway listens ──> partitions catch up ──> ready
///   stop:   not ready ──> calls end ──> partitions durable ──> Orleans leaves            (Drain)
/// </code>
/// </summary>
public sealed class SiloServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly SiloStore _store;
    private readonly ServerLife _life;
    private readonly SiloOptions _options;
    private Task<bool>? _drained;

    private SiloServer(WebApplication app, SiloStore store, ServerLife life, SiloOptions options)
    {
        (_app, _store, _life, _options) = (app, store, life, options);
        (GrpcAddress, HttpAddress) = Listeners.Addresses(app);
        Services.GetRequiredService<SiloSelf>().Listening(GrpcAddress, HttpAddress);
    }

    public Uri GrpcAddress { get; }

    public Uri HttpAddress { get; }

    /// <summary>Where other silos find this one.</summary>
    public IPEndPoint SiloAddress => new(_options.Advertised, _options.SiloPort);

    internal IServiceProvider Services => _app.Services;

    /// <summary>Completes when the silo is a member, its partitions have caught up, and both listeners accept.</summary>
    /// <exception cref="SiloStartException">It cannot, or not within <see cref="SiloOptions.StartTimeout"/>.</exception>
    /// <exception cref="Postgres.PostgresStoreException">The store cannot be opened.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<SiloServer> StartAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        RequireOwnPort(options);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.StartTimeout);
        using ILoggerFactory loggers = LoggerFactory.Create(logging => Logging(logging, options));
        SiloStore store = await SiloStore.OpenAsync(options, loggers, patience.Token).ConfigureAwait(false);
        var readiness = new ReadinessState();
        var life = new ServerLife(() => readiness.Reason);
        WebApplication? app = null;
        SiloServer? server = null;
        try
        {
            if (options.DefinitionsDirectory is { } wanted)
            {
                StartDefinitions.Check(wanted, store.Registry);
            }

            app = Build(options, store, life, readiness);
            await app.StartAsync(patience.Token).ConfigureAwait(false);
            var started = new SiloServer(app, store, life, options);
            if (options.DefinitionsDirectory is { } repository)
            {
                await StartDefinitions.ApplyAsync(repository, store.Registry, app.Services.GetRequiredService<DefinitionChanges>(), store.Cluster.Definitions, patience.Token).ConfigureAwait(false);
            }

            await app.Services.GetRequiredService<Readiness>().ReadyOnce.WaitAsync(patience.Token).ConfigureAwait(false);
            started.Logger.Ready(options.Name, options.ClusterId, Versions.Build);
            return server = started;
        }
        catch (OperationCanceledException slow) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SiloStartException($"{options.Name}: not ready after {options.StartTimeout.TotalSeconds:0} s: {readiness.Reason}; if that is only slow, give it more with --start-timeout", unreachable: true, slow);
        }
        catch (OrleansException failure)
        {
            throw new SiloStartException($"{options.Name}: Orleans did not start ({failure.Message}); look at Redis, and whether the other silos are reached at the addresses that they advertise", unreachable: true, failure);
        }
        finally
        {
            if (server is null)
            {
                await AbandonAsync(app, store, life).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Leaves the cluster in order, within <see cref="SiloOptions.DrainMax"/>. False: a step was not done; the others replay what this silo had not made durable. Once; later calls get the first one's answer.</summary>
    public Task<bool> DrainAsync() => _drained ??= new Drain(TimeProvider.System, Logger).RunAsync(
        [
            new DrainStep("telling load balancers", _options.DrainMax, LeaveAsync),
            new DrainStep("ending calls", Limits.CallsDrainMax, EndCallsAsync),
            new DrainStep("making partitions durable", Limits.PartitionsDrainMax, Services.GetRequiredService<PartitionKeeper>().DrainAsync),
            new DrainStep("leaving the cluster", Limits.StopMax, _app.StopAsync),
        ],
        _options.DrainMax);

    public async ValueTask DisposeAsync()
    {
        await DrainAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
        _life.Dispose();
    }

    /// <summary>Orleans would share the port with a silo that has it, on Linux, and take that one for a former self that is to be declared dead.</summary>
    private static void RequireOwnPort(SiloOptions options)
    {
        try
        {
            using var probe = new TcpListener(options.Listen, options.SiloPort);
            probe.Start();
        }
        catch (SocketException taken)
        {
            throw new SiloStartException($"{options.Listen}:{options.SiloPort} cannot be listened on ({taken.Message}); choose another port with --silo-port, or another address with --listen", cause: taken);
        }
    }

    /// <summary>A silo that did not get ready may be a member all the same: it leaves, so that the others need not find out.</summary>
    private static async Task AbandonAsync(WebApplication? app, SiloStore store, ServerLife life)
    {
        if (app is not null)
        {
            using var patience = new CancellationTokenSource(Limits.StopMax);
            await app.StopAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await app.DisposeAsync().ConfigureAwait(false);
        }

        await store.DisposeAsync().ConfigureAwait(false);
        life.Dispose();
    }

    private ILogger Logger => Services.GetRequiredService<ILogger<SiloServer>>();

    /// <summary>Readiness and health say no; calls are taken as before, until whoever asks has had the time to look.</summary>
    private Task LeaveAsync(CancellationToken cancellationToken)
    {
        _life.BeginLeave();
        return Task.Delay(_options.LeaveGrace, cancellationToken);
    }

    /// <summary>Streams end with what they have acknowledged; clients are told to connect elsewhere (GOAWAY), running calls finish. Those that do not are cut off when the token fires.</summary>
    private Task EndCallsAsync(CancellationToken cancellationToken)
    {
        _life.BeginStop();
        return Services.GetRequiredService<IServer>().StopAsync(cancellationToken);
    }

    private static WebApplication Build(SiloOptions options, SiloStore store, ServerLife life, ReadinessState readiness)
    {
        // The empty builder reads no environment variable and no file: a silo does what its options say.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listeners.Configure(kestrel, options.Listen, options.GrpcPort, options.HttpPort, options.Connections));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainMax);
        builder.Services.AddLogging(logging => Logging(logging, options));
        builder.Services.AddRouting();
        builder.Services.AddSingleton(options).AddSingleton(life).AddSingleton(readiness);
        builder.Services.AddSingleton(new BackfillRight(options.BackfillProducers));
        builder.Services.AddSingleton(new CrossOrigin(options.CorsOrigins));
        builder.Services.AddSingleton(new PredictionHistory(options.PredictionHistory));
        builder.Services.AddSingleton(options.Admission);
        store.AddTo(builder.Services);
        builder.Services.AddSingleton<SiloSelf>().AddSingleton<SiloReportsClient>().AddSingleton<ClusterView>();
        builder.Services.AddSingleton<LocalPartitions>().AddSingleton<ProcessFigures>().AddSingleton<ClusterMetrics>();
        builder.UseOrleans(silo => SiloHosting.Configure(silo, options, store));
        builder.Services.AddGateway();

        // After Orleans: it begins when the silo has joined, and ends before it leaves.
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Readiness>());
        WebApplication app = builder.Build().MapGateway();
        app.MapCluster();
        ClusterMetrics.Map(app);
        if (options.Dashboard)
        {
            app.MapOrleansDashboard("/orleans");
        }

        return app;
    }

    /// <summary>To standard error: standard output belongs to the command. Not the host's own report of a failed start, because the exception says the same to whoever started it.</summary>
    private static void Logging(ILoggingBuilder logging, SiloOptions options) => logging
        .SetMinimumLevel(options.LogLevel)
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
        .AddFilter("Microsoft.", Foreign(options.LogLevel))
        .AddFilter("Orleans.", Foreign(options.LogLevel))
        .AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat) = (true, "HH:mm:ss.fff "))
        .Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

    /// <summary>What others call information is a line for each request and a hundred at start: only for those who debug.</summary>
    private static LogLevel Foreign(LogLevel asked) => asked == LogLevel.Information ? LogLevel.Warning : asked;
}

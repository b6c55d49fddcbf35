using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Rest;

namespace OrleansFeatures.Server.Hosting;

/// <summary>
/// The whole store in this process: log, entities, gateway. From start to disposal it owns its data directory and listens on the loopback
/// interface only.
/// </summary>
public sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Store _store;
    private readonly ServerLife _life;

    private readonly ServeOptions _options;

    private EmbeddedServer(WebApplication app, Store store, ServerLife life, ServeOptions options)
    {
        _options = options;
        _app = app;
        _store = store;
        _life = life;
        (GrpcAddress, HttpAddress) = Listeners.Addresses(app);
    }

    public Uri GrpcAddress { get; }

    public Uri HttpAddress { get; }

    /// <summary>Damage of the log that was skipped on request, by this start or earlier ones: a line for each place.</summary>
    public IReadOnlyList<string> Losses => _store.Host.Status().Losses;

    /// <summary>Once the server stops: when the store is closed, however late.</summary>
    internal Task Closing { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when every acknowledged event is applied and both listeners accept. Costs one pass over the log.</summary>
    /// <exception cref="ServerStartException">The definitions are wrong, or contradict what is live.</exception>
    /// <exception cref="Log.LogException">The log cannot be opened.</exception>
    /// <exception cref="IOException">The directory cannot be used, or a port is taken.</exception>
    public static async Task<EmbeddedServer> StartAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        using ILoggerFactory loggers = LoggerFactory.Create(Logging);
        Store store = await Store.OpenAsync(options, loggers.CreateLogger<EmbeddedHost>(), cancellationToken).ConfigureAwait(false);
        var life = new ServerLife(() => store.Host.Poisoned?.Message);
        WebApplication? app = null;
        EmbeddedServer? server = null;
        try
        {
            app = Build(options, store, life);
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            return server = new EmbeddedServer(app, store, life, options);
        }
        finally
        {
            if (server is null)
            {
                await (app?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
                await store.DisposeAsync().ConfigureAwait(false);
                life.Dispose();
            }
        }
    }

    /// <summary>
    /// Says NOT_SERVING, ends streams with what they have acknowledged, takes no new connections, lets calls under way finish for <see cref="Limits.DrainMax"/>, closes the store. What a client that
    /// does not read keeps open is cut off when that time is over.
    /// </summary>
    /// <exception cref="ServerStopException">The store was not closed within <see cref="Limits.CloseMax"/>. It is left as a crash would leave it.</exception>
    public async ValueTask DisposeAsync()
    {
        _life.BeginStop();
        await _app.StopAsync().ConfigureAwait(false);
        Closing = CloseAsync();
        if (await Task.WhenAny(Closing, Task.Delay(_options.CloseMax)).ConfigureAwait(false) != Closing)
        {
            throw new ServerStopException(_options.CloseMax, _options.DataDirectory);
        }

        await Closing.ConfigureAwait(false);
        _life.Dispose();
    }

    private async Task CloseAsync()
    {
        await _app.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private static WebApplication Build(ServeOptions options, Store store, ServerLife life)
    {
        // The empty builder reads no environment variable and no file: a server does what its options say.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listeners.Configure(kestrel, IPAddress.Loopback, options.GrpcPort, options.HttpPort, options.Connections));
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging(Logging);
        builder.Services.Configure<HostOptions>(settings => settings.ShutdownTimeout = options.DrainMax);
        builder.Services.AddSingleton<IEntityHost>(store.Host);
        builder.Services.AddSingleton(life);
        builder.Services.AddSingleton(store.Registry);
        builder.Services.AddSingleton<MetadataDatabase>(store.Metadata);
        builder.Services.AddSingleton(new Quarantine(store.Metadata));
        builder.Services.AddSingleton(new LateOutput(store.Metadata));
        builder.Services.AddSingleton(new PredictionHistory(options.PredictionHistory));
        builder.Services.AddSingleton(new BackfillRight(options.BackfillProducers));
        builder.Services.AddSingleton(new CrossOrigin(options.CorsOrigins));
        builder.Services.AddSingleton(options.Admission);
        builder.Services.AddGateway();
        return builder.Build().MapGateway();
    }

    /// <summary>
    /// Warnings and worse, to standard error: standard output belongs to the command. Not the host's own report of a failed start, because the
    /// exception says the same to whoever started it; and nothing of each request's beginning and end, which are no warnings anyway: while that may be logged, the framework makes an activity with an id for every request.
    /// </summary>
    private static void Logging(ILoggingBuilder logging) => logging
        .SetMinimumLevel(LogLevel.Warning)
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
        .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None)
        .AddSimpleConsole(console => console.SingleLine = true)
        .Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
}

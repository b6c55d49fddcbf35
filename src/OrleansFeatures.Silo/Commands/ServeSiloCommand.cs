using System.CommandLine;
using OrleansFeatures.Postgres;
using OrleansFeatures.Server;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Output;
using OrleansFeatures.Silo.Hosting;

namespace OrleansFeatures.Silo.Commands;

/// <summary><c>serve</c>: a silo in this process, until a signal makes it leave.</summary>
internal static class ServeSiloCommand
{
    public static Command Create() => CommandOptions.Command(
        "serve",
        "Run a silo. Prints one line with its addresses when it is ready. SIGTERM or Ctrl-C makes it leave in order: its calls end, its partitions are made durable and go to the others. Every option can be given by the variable behind it.",
        [
            "serve --postgres 'Host=127.0.0.1;Username=me;Database=features' --redis 127.0.0.1:6379 --definitions definitions/fraud",
            "serve --silo-port 11112 --grpc 6566 --http 6581",
            "serve --listen 0.0.0.0 --advertise 10.0.0.7 --memory-budget 8GB",
            "serve --checkpoint-interval 10s --entity-idle 1h --history 90d",
        ],
        SiloSettings.All,
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        SiloOptions options = SiloSettings.Read(parsed, Environment.GetEnvironmentVariable);
        if (options.DefinitionsDirectory is { } directory)
        {
            // Reading them here says at once what is wrong with the path; the silo reads them again.
            DefinitionFiles.Load(directory);
        }

        SiloServer server = await StartAsync(options, cancellationToken).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            terminal.Write($"ready silo={server.SiloAddress} grpc={ServeCommand.Address(server.GrpcAddress)} http={ServeCommand.Address(server.HttpAddress)}");
            await ServeCommand.UntilStoppedAsync(cancellationToken).ConfigureAwait(false);
            return await server.DrainAsync().ConfigureAwait(false)
                ? ExitCode.Ok
                : throw CommandFailure.Refused("the silo left before all of its steps were done (standard error says which): the other silos replay what was not checkpointed; nothing that was acknowledged is lost");
        }
    }

    private static async Task<SiloServer> StartAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await SiloServer.StartAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (SiloStartException exception)
        {
            throw exception.Unreachable ? CommandFailure.Unreachable(exception.Message, exception) : CommandFailure.Refused(exception.Message, exception);
        }
        catch (PostgresStoreException exception)
        {
            throw exception.InnerException is Npgsql.NpgsqlException and not Npgsql.PostgresException ? CommandFailure.Unreachable(exception.Message, exception) : CommandFailure.Refused(exception.Message, exception);
        }
        catch (IOException exception) when (exception.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            throw CommandFailure.Refused($"{exception.Message.TrimEnd('.')}; another process listens there: choose another port with --grpc or --http (0 takes a free one)", exception);
        }
    }
}

using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>The way from a command to a running store: its services, and its refusals turned into messages. Not connected until the first call.</summary>
internal sealed class ServerConnection : IDisposable
{
    private readonly GrpcChannel _channel;

    public ServerConnection(string server)
    {
        if (!Uri.TryCreate(server, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw CommandFailure.Usage($"--server {server}: expected a URL, for example {Limits.DefaultServer}");
        }

        Server = server;
        _channel = GrpcChannel.ForAddress(server);
        Ingest = new IngestService.IngestServiceClient(_channel);
        Features = new FeatureService.FeatureServiceClient(_channel);
        Registry = new RegistryService.RegistryServiceClient(_channel);
        Admin = new AdminService.AdminServiceClient(_channel);
    }

    public string Server { get; }

    public IngestService.IngestServiceClient Ingest { get; }

    public FeatureService.FeatureServiceClient Features { get; }

    public RegistryService.RegistryServiceClient Registry { get; }

    public AdminService.AdminServiceClient Admin { get; }

    /// <summary>One unary call with a deadline; its failure arrives as a <see cref="CommandFailure"/>.</summary>
    public async Task<T> CallAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken, int timeoutSeconds = Limits.CallTimeoutSeconds)
    {
        try
        {
            DateTime deadline = DateTime.UtcNow.AddSeconds(timeoutSeconds);
            using AsyncUnaryCall<T> underway = call(new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
            return await underway.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            throw Failure(exception);
        }
    }

    /// <summary>A definition by kind and name; an unknown name is answered with the nearest known one.</summary>
    public async Task<Definition> DefinitionAsync(string kind, string name, CancellationToken cancellationToken)
    {
        try
        {
            DateTime deadline = DateTime.UtcNow.AddSeconds(Limits.CallTimeoutSeconds);
            using AsyncUnaryCall<Definition> underway = Registry.GetAsync(new GetDefinitionRequest { Kind = kind, Name = name }, deadline: deadline, cancellationToken: cancellationToken);
            return await underway.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.NotFound)
        {
            IReadOnlyList<Definition> known = await DefinitionsAsync(kind, cancellationToken).ConfigureAwait(false);
            string[] names = known.Select(definition => definition.Name).Distinct().ToArray();
            string what = kind.Replace('_', ' ');
            string list = names.Length == 0 ? $"the server has none; apply definitions first" : $"known: {string.Join(", ", names)}";
            throw CommandFailure.Refused($"{Server}: no {what} '{name}'{Suggestion.For(name, names)} ({list})", exception);
        }
        catch (RpcException exception)
        {
            throw Failure(exception);
        }
    }

    public async Task<IReadOnlyList<Definition>> DefinitionsAsync(string kind, CancellationToken cancellationToken)
    {
        ListDefinitionsResponse answer = await CallAsync(
            options => Registry.ListAsync(new ListDefinitionsRequest { Kind = kind }, options), cancellationToken).ConfigureAwait(false);
        return answer.Definitions;
    }

    /// <summary>What a failed call means to the user, and the exit code: the only place where gRPC codes become exit codes.</summary>
    public CommandFailure Failure(RpcException exception) => exception.StatusCode switch
    {
        _ when IsLost(exception) => CommandFailure.Unreachable(
            $"{Server}: no answer ({exception.Status.Detail}); start a store with 'orleans-features serve', or give its address with --server", exception),
        StatusCode.Unimplemented => CommandFailure.Unreachable(
            $"{Server}: something answers there, but not an OrleansFeatures store of this version; check --server (gRPC listens on {Limits.DefaultGrpcPort} by default)", exception),
        StatusCode.Cancelled => CommandFailure.Refused($"{Server}: cancelled", exception),
        _ => CommandFailure.Refused($"{Server}: {exception.Status.Detail} ({exception.StatusCode})", exception),
    };

    /// <summary>The call ended because the connection did, or never was: the store said nothing about the request itself.</summary>
    public static bool IsLost(RpcException exception) =>
        exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded
        || (exception.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled && exception.Status.DebugException is HttpRequestException or IOException);

    public void Dispose() => _channel.Dispose();
}

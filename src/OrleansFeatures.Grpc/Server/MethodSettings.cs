using System.IO.Compression;
using Grpc.AspNetCore.Server;
using Grpc.Framing;
using Grpc.Net.Compression;

namespace Grpc.Server;

/// <summary>Everything about a method that does not change from call to call, resolved once when it is mapped.</summary>
internal sealed class MethodSettings
{
    private MethodSettings(string method, GrpcServiceOptions all, GrpcServiceOptions? one, ILogger logger, TimeProvider time, CallDrain drain)
    {
        Method = method;
        Logger = logger;
        Time = time;
        Drain = drain;
        Encodings = new Encodings(one?.HasCompressionProviders == true ? one.CompressionProviders : all.CompressionProviders);
        MaxReceiveBytes = (one?.MaxReceiveMessageSizeSpecified == true ? one : all).MaxReceiveMessageSize ?? int.MaxValue;
        MaxSendBytes = one?.MaxSendMessageSize ?? all.MaxSendMessageSize;
        DetailedErrors = one?.EnableDetailedErrors ?? all.EnableDetailedErrors ?? false;
        CompressionLevel = one?.ResponseCompressionLevel ?? all.ResponseCompressionLevel;
        var algorithm = one?.ResponseCompressionAlgorithm ?? all.ResponseCompressionAlgorithm;
        if (algorithm is not null)
        {
            ResponseCompression = Encodings.Find(algorithm)
                ?? throw new InvalidOperationException($"ResponseCompressionAlgorithm '{algorithm}' of {method} is none of {Encodings.AcceptHeader}. Add its provider to CompressionProviders.");
        }
    }

    public string Method { get; }

    public ILogger Logger { get; }

    public TimeProvider Time { get; }

    public CallDrain Drain { get; }

    public Encodings Encodings { get; }

    public int MaxReceiveBytes { get; }

    public int? MaxSendBytes { get; }

    public bool DetailedErrors { get; }

    public ICompressionProvider? ResponseCompression { get; }

    public CompressionLevel? CompressionLevel { get; }

    public static MethodSettings Create(string method, GrpcServiceOptions all, GrpcServiceOptions? one, IServiceProvider services) => new(
        method,
        all,
        one,
        services.GetRequiredService<ILoggerFactory>().CreateLogger("Grpc.Server.ServerCall"),
        services.GetService<TimeProvider>() ?? TimeProvider.System,
        services.GetRequiredService<CallDrain>());
}

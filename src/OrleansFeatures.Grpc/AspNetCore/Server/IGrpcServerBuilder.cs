namespace Grpc.AspNetCore.Server;

/// <summary>What AddGrpc returns, for further settings.</summary>
public interface IGrpcServerBuilder
{
    IServiceCollection Services { get; }
}

internal sealed record GrpcServerBuilder(IServiceCollection Services) : IGrpcServerBuilder;

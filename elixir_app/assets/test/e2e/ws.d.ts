declare module "ws" {
  export class WebSocket {
    constructor(endpoint: string, options?: object);
  }
}
